package wire

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// quiet is a connection that delivers one stream and then nothing, until it is
// closed.
type quiet struct {
	net.Conn
	in     []byte
	silent *sync.WaitGroup // done when somebody waits for more
	closed chan struct{}
}

func (q *quiet) Read(p []byte) (int, error) {
	if len(q.in) > 0 {
		n := copy(p, q.in)
		q.in = q.in[n:]
		return n, nil
	}
	q.silent.Done()
	<-q.closed
	return 0, io.EOF
}
func (q *quiet) Write(p []byte) (int, error)      { return len(p), nil }
func (q *quiet) Close() error                     { return nil }
func (q *quiet) SetReadDeadline(time.Time) error  { return nil }
func (q *quiet) SetWriteDeadline(time.Time) error { return nil }

// TestIdleMemory counts what a connection holds while it waits in IDLE, after it
// has carried answers of every size. It must be a small part of what it needs
// while they flow: a thousand open pages are a thousand such connections.
func TestIdleMemory(t *testing.T) {
	const n = 400
	var in bytes.Buffer
	in.WriteString("* SEARCH")
	for i := range 20_000 {
		fmt.Fprintf(&in, " %d", i)
	}
	in.WriteString("\r\n* 1 FETCH (UID 1 BODY[1] {50000}\r\n" + string(make([]byte, 50_000)) + ")\r\nT1 OK done\r\n+ idling\r\n* 5 EXISTS\r\n")
	sent := []byte("T1 UID FETCH " + string(bytes.Repeat([]byte("123456,"), 1000)) + "1 (UID)\r\nT2 IDLE\r\n")
	closed := make(chan struct{})
	var silent, ended sync.WaitGroup
	silent.Add(n)
	before := heap()
	conns := make([]*Conn, n)
	for i := range conns {
		q := &quiet{in: in.Bytes(), silent: &silent, closed: closed}
		conns[i] = New(q, Options{})
		conns[i].Write(sent)
		ended.Go(func() {
			var p [64]byte
			for {
				if _, err := conns[i].Read(p[:]); err != nil {
					return
				}
			}
		})
	}
	silent.Wait()
	each := (heap() - before) / n
	close(closed)
	ended.Wait()
	flowing := len(chunks.New().(*[16 << 10]byte))
	t.Logf("%d bytes for each idle connection; %d to read into while answers flow", each, flowing)
	if each > flowing/5 {
		t.Errorf("an idle connection holds %d bytes", each)
	}
}

// heap is what is reachable. Two rounds, because a sync.Pool survives the first.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
