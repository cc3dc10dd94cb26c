// Oriel is a webmail: it shows the mailbox of an IMAP server in the browser and
// keeps no mail of its own.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	// The zone files are part of the program, because a container made from
	// scratch has none.
	_ "time/tzdata"

	"oriel/config"
)

// version and commit are set by the linker in released builds.
var (
	version = "dev"
	commit  = ""
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // something went wrong while running
	exitUsage  = 2 // the command line or the configuration is wrong
)

const commands = `Oriel, a webmail.

Usage:
  oriel [serve] [flags]       serve the webmail
  oriel demo [-listen ADDR]   try it with a sample mailbox, nothing to configure
  oriel healthcheck           ask the running server whether it is well
  oriel version               print version, commit and Go version
  oriel help                  this, and all flags of serve
`

const usage = commands + `
Flags of serve, each also an environment variable:
`

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is main without the process around it, so that tests can call it.
func run(args, environ []string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		return serveCommand(args, environ, stdout, stderr)
	case "demo":
		return demoCommand(args, stdout, stderr)
	case "healthcheck":
		return healthCommand(args, environ, stderr)
	case "version":
		v, rev := build()
		fmt.Fprintf(stdout, "oriel %s, commit %s, %s %s/%s\n", v, rev, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return exitOK
	case "help":
		fmt.Fprint(stdout, usage, config.Usage())
		return exitOK
	}
	fmt.Fprintf(stderr, "oriel: there is no command %q\n\n%s", command, commands)
	return exitUsage
}

// build says what was built: from the linker, else from what the Go tool noted.
func build() (v, rev string) {
	v, rev = version, commit
	info, ok := debug.ReadBuildInfo()
	if ok && v == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = info.Main.Version
	}
	if ok && rev == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				rev = s.Value
			}
		}
	}
	if rev == "" {
		rev = "unknown"
	}
	return v, rev
}
