package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"oriel/config"
	"oriel/demo"
)

// demoCommand serves the webmail in front of a mail server of its own. Nothing
// is read from the environment, and nothing is written but a temporary folder.
func demoCommand(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("oriel demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:8080", "address of the webmail; port 0 takes a free one")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "oriel demo: unknown argument %q\n", flags.Arg(0))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := runDemo(ctx, *listen, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "oriel demo: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func runDemo(ctx context.Context, listen string, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "oriel-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("%w\nChoose another address with -listen; 127.0.0.1:0 takes a free port", err)
	}
	mail, err := demo.Start(demo.Options{})
	if err != nil {
		l.Close()
		return err
	}
	defer mail.Close()

	args := []string{"-listen", l.Addr().String(), "-imap", "imap+insecure://" + mail.IMAPAddr, "-data", dir, "-domain", demo.Domain, "-log-level", "warn"}
	if !isLoopback(l.Addr()) {
		// The demo's password is no secret, and its users have no TLS.
		args = append(args, "-insecure-cookies")
	}
	c, err := config.Load(args, nil)
	if err != nil {
		l.Close()
		return err
	}
	c.TZ = time.Local
	site, err := newSite(c, fmt.Sprintf("This is a demo. Sign in as %s with the password %s.", demo.User, demo.Password), newLog(c, stderr))
	if err != nil {
		l.Close()
		return err
	}
	fmt.Fprintf(stdout, `Oriel demo: a sample mailbox, in memory until this program ends.

  URL       %s
  user      %s
  password  %s
  IMAP      imap+insecure://%s
  SMTP      smtp+insecure://%s

A second user to write to: %s / %s. Ctrl-C ends the demo.
`, visitURL(l.Addr()), demo.User, demo.Password, mail.IMAPAddr, mail.SMTPAddr, demo.Colleague, demo.Password)
	return site.serve(ctx, l)
}

func isLoopback(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// visitURL is what to type into a browser on this machine to reach a listener.
func visitURL(a net.Addr) string {
	return "http://" + visitAddress(a.String()) + "/"
}

// visitAddress replaces "every interface" by this machine.
func visitAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	switch host {
	case "", "0.0.0.0", "::": // Go listens on both families for the last one, too
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
