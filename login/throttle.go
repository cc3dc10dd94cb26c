package login

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// The limits of the throttle, see Throttle.
const (
	userFailures = 5
	userWindow   = 5 * time.Minute
	addrFailures = 20
	addrWindow   = 10 * time.Minute

	firstDelay = 30 * time.Second
	lastDelay  = 15 * time.Minute

	parallel    = 20          // sign-ins that talk to the mail server at once
	maxTracked  = 20_000      // users, and as many addresses, that are remembered
	pendingLife = time.Minute // an attempt without an outcome is given up on
)

// Throttle slows the guessing of passwords down. After 5 failures of one user
// within 5 minutes, or 20 from one address within 10, the next attempt has to
// wait 30 seconds; each further failure doubles that, to 15 minutes. Quiet for
// as long as the window forgives. An IPv6 address counts by its /64 network,
// which is what one customer gets.
//
// Refused attempts must not reach the mail server: its own guard sees all of
// them come from Oriel, and would lock out everybody.
type Throttle struct {
	now   func() time.Time
	slots chan struct{}

	mu    sync.Mutex
	users table
	addrs table
}

// NewThrottle makes a throttle; now may be nil for the real time.
func NewThrottle(now func() time.Time) *Throttle {
	if now == nil {
		now = time.Now
	}
	return &Throttle{
		now:   now,
		slots: make(chan struct{}, parallel),
		users: table{limit: userFailures, window: userWindow, tracks: map[[16]byte]*track{}},
		addrs: table{limit: addrFailures, window: addrWindow, tracks: map[[16]byte]*track{}},
	}
}

// Allow asks whether a sign-in may be tried now. When it may not, wait says how
// long it will take. When it may, the attempt counts as under way, so that many
// at once cannot pass the limit together, until exactly one of Failed,
// Succeeded and Abandoned tells how it went.
func (t *Throttle) Allow(user, ip string) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	u, a := t.users.get(userKey(user), now), t.addrs.get(addrKey(ip), now)
	wait = max(u.wait(now, t.users.limit), a.wait(now, t.addrs.limit))
	if wait > 0 {
		return wait, false
	}
	u.pending = append(u.pending, now)
	a.pending = append(a.pending, now)
	return 0, true
}

// Failed tells that the mail server refused user or password.
func (t *Throttle) Failed(user, ip string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	u, a := t.users.get(userKey(user), now), t.addrs.get(addrKey(ip), now)
	u.settle()
	a.settle()
	u.fail(now, t.users.limit, t.users.window)
	a.fail(now, t.addrs.limit, t.addrs.window)
}

// Succeeded tells that the mail server accepted the password. It clears the
// user's failures but not those of the address: else a guesser could clear them
// with an account of their own.
func (t *Throttle) Succeeded(user, ip string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.users.tracks, userKey(user))
	t.addrs.get(addrKey(ip), t.now()).settle()
}

// Abandoned tells that the attempt had no outcome: the mail server was away, or
// the browser left.
func (t *Throttle) Abandoned(user, ip string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.users.get(userKey(user), now).settle()
	t.addrs.get(addrKey(ip), now).settle()
}

// Enter waits for one of the 20 places of sign-ins that talk to the mail server
// at once. The caller calls leave when the server has answered; ok is false
// when ctx ended first.
func (t *Throttle) Enter(ctx context.Context) (leave func(), ok bool) {
	select {
	case t.slots <- struct{}{}:
		return sync.OnceFunc(func() { <-t.slots }), true
	case <-ctx.Done():
		return func() {}, false
	}
}

// userKey folds what most servers take for the same user. Digests keep the
// memory of a track constant and addresses out of it.
func userKey(user string) [16]byte {
	return digest("user " + strings.ToLower(strings.TrimSpace(user)))
}

// addrKey names the network that an address stands for. What is no address
// shares one track: it should not happen, and must not be a way around.
func addrKey(ip string) [16]byte {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		if ap, err := netip.ParseAddrPort(ip); err == nil {
			addr = ap.Addr()
		}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return digest("net " + p.String())
		}
	}
	return digest("addr " + addr.String())
}

func digest(s string) (key [16]byte) {
	sum := sha256.Sum256([]byte(s))
	copy(key[:], sum[:])
	return key
}
