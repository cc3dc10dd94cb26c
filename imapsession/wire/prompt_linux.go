package wire

import (
	"net"
	"syscall"
)

// prompt acknowledges what it has read at once.
type prompt struct {
	*net.TCPConn
	raw syscall.RawConn
}

// Prompt returns nc, made to acknowledge what it reads at once where the system
// can. Many an IMAP server (Cyrus imapd and Courier among them) answers commands
// that came in one flight with a small write each and leaves Nagle's algorithm
// on: it then holds each answer back until the one before is acknowledged, which
// Linux otherwise delays by 40 ms.
func Prompt(nc net.Conn) net.Conn {
	tc, ok := nc.(*net.TCPConn)
	if !ok {
		return nc
	}
	raw, err := tc.SyscallConn()
	if err != nil {
		return nc
	}
	return &prompt{TCPConn: tc, raw: raw}
}

// Read sets the option anew each time: the system takes it back by itself.
func (p *prompt) Read(b []byte) (int, error) {
	n, err := p.TCPConn.Read(b)
	if err == nil {
		p.raw.Control(func(fd uintptr) {
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
		})
	}
	return n, err
}
