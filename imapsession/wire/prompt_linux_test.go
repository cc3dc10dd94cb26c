package wire

import (
	"io"
	"net"
	"syscall"
	"testing"
)

// TestPrompt talks to and fro, after which the system would acknowledge late.
func TestPrompt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	late, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	c := Prompt(late)
	p, ok := c.(*prompt)
	if !ok {
		t.Fatalf("a TCP connection became %T", c)
	}
	for range 5 {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		var on int
		p.raw.Control(func(fd uintptr) { on, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK) })
		if err != nil || on != 1 {
			t.Fatalf("acknowledgements are at once: %d, %v", on, err)
		}
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if Prompt(a) != a {
		t.Error("a connection that is not TCP was wrapped")
	}
}
