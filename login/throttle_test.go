package login

import (
	"context"
	"strconv"
	"testing"
	"time"
)

func newTestThrottle() (*Throttle, *clock) {
	c := newClock()
	return NewThrottle(c.now), c
}

// fail makes n attempts that the server refuses and reports how many of them
// were let through to it.
func fail(t *Throttle, n int, user, ip string) (reached int) {
	for range n {
		if _, ok := t.Allow(user, ip); ok {
			reached++
			t.Failed(user, ip)
		}
	}
	return reached
}

func TestThrottlePerUser(t *testing.T) {
	th, clock := newTestThrottle()
	if n := fail(th, 9, "anna", "192.0.2.1"); n != userFailures {
		t.Fatalf("%d attempts reached the server, want %d", n, userFailures)
	}
	if wait, ok := th.Allow(" Anna ", "192.0.2.99"); ok || wait != firstDelay {
		t.Errorf("another spelling from another address: %v, %v", wait, ok)
	}
	if _, ok := th.Allow("bert", "192.0.2.1"); !ok {
		t.Error("another user is shut out")
	}
	want := firstDelay
	for range 8 {
		clock.add(want - time.Second)
		if wait, ok := th.Allow("anna", "192.0.2.1"); ok || wait != time.Second {
			t.Fatalf("after %v: %v, %v", want-time.Second, wait, ok)
		}
		clock.add(time.Second)
		if n := fail(th, 3, "anna", "192.0.2.1"); n != 1 {
			t.Fatalf("after a delay of %v: %d attempts reached the server, want 1", want, n)
		}
		want = min(2*want, lastDelay)
	}
	clock.add(lastDelay + userWindow)
	if n := fail(th, 9, "anna", "192.0.2.1"); n != userFailures {
		t.Errorf("after a quiet window: %d attempts, want %d", n, userFailures)
	}
}

func TestThrottleWindowSlides(t *testing.T) {
	th, clock := newTestThrottle()
	for i := range 20 {
		if n := fail(th, 1, "anna", "192.0.2.1"); n != 1 {
			t.Fatalf("attempt %d, one in %v: shut out", i, userWindow/4)
		}
		clock.add(userWindow / 4)
	}
}

func TestThrottlePerAddress(t *testing.T) {
	for _, x := range []struct {
		name, first, second string
		same                bool
	}{
		{"one address", "192.0.2.1", "192.0.2.1", true},
		{"two addresses", "192.0.2.1", "192.0.2.2", false},
		{"one /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		{"two /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"mapped", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"zone", "fe80::1%eth0", "fe80::1%eth1", true},
		{"with port", "192.0.2.1", "192.0.2.1:4711", true},
		{"no addresses", "spoofed", "", true},
	} {
		th, _ := newTestThrottle()
		reached := 0
		for i := range 3 * addrFailures {
			reached += fail(th, 1, "user"+strconv.Itoa(i), x.first)
		}
		if reached != addrFailures {
			t.Errorf("%s: %d attempts reached the server, want %d", x.name, reached, addrFailures)
		}
		if _, ok := th.Allow("somebody", x.second); ok == x.same {
			t.Errorf("%s: allowed %v", x.name, ok)
		}
	}
}

func TestThrottleSuccess(t *testing.T) {
	th, _ := newTestThrottle()
	for range addrFailures / 4 {
		if n := fail(th, 4, "anna", "192.0.2.1"); n != 4 {
			t.Fatalf("%d of 4 reached the server", n)
		}
		if _, ok := th.Allow("anna", "192.0.2.1"); ok {
			th.Succeeded("anna", "192.0.2.1")
		}
	}
	if _, ok := th.Allow("anna", "192.0.2.1"); ok {
		t.Error("an account of one's own clears the failures of an address")
	}
	if _, ok := th.Allow("anna", "192.0.2.2"); !ok {
		t.Error("a success did not clear the user's failures")
	}
}

// Attempts that start together must not pass the limit together.
func TestThrottleParallel(t *testing.T) {
	th, clock := newTestThrottle()
	allowed := 0
	for range 50 {
		if _, ok := th.Allow("anna", "192.0.2.1"); ok {
			allowed++
		}
	}
	if allowed != userFailures {
		t.Fatalf("%d at once, want %d", allowed, userFailures)
	}
	for range allowed {
		th.Abandoned("anna", "192.0.2.1")
	}
	if _, ok := th.Allow("anna", "192.0.2.1"); !ok {
		t.Error("a server that was away shuts the user out")
	}
	fail(th, 4, "anna", "192.0.2.1")
	clock.add(pendingLife)
	if _, ok := th.Allow("anna", "192.0.2.1"); !ok {
		t.Error("an attempt without an outcome counts for ever")
	}
}

func TestThrottleEnter(t *testing.T) {
	th, _ := newTestThrottle()
	var leave func()
	for range parallel {
		var ok bool
		if leave, ok = th.Enter(t.Context()); !ok {
			t.Fatal("no place")
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := th.Enter(over); ok {
		t.Error("one place too many")
	}
	leave()
	leave()
	if _, ok := th.Enter(t.Context()); !ok {
		t.Error("no place after one was left")
	}
	if _, ok := th.Enter(over); ok {
		t.Error("leaving twice made two places")
	}
}

func TestThrottleMemory(t *testing.T) {
	th, _ := newTestThrottle()
	fail(th, userFailures, "victim", "192.0.2.1")
	for i := range 3 * maxTracked {
		fail(th, 1, "user"+strconv.Itoa(i), "10."+strconv.Itoa(i>>16)+"."+strconv.Itoa(i>>8&255)+"."+strconv.Itoa(i&255))
	}
	if len(th.users.tracks) > maxTracked || len(th.addrs.tracks) > maxTracked {
		t.Errorf("%d users and %d addresses are remembered", len(th.users.tracks), len(th.addrs.tracks))
	}
	if _, ok := th.Allow("victim", "192.0.2.200"); ok {
		t.Error("a flood of names washed a delay away")
	}
}
