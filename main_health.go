package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// healthWait is shorter than the time that container engines give a check.
const healthWait = 3 * time.Second

// healthCommand asks /healthz of the server that was started with the same
// environment. It is a command of the program because the image holds nothing
// else that could ask.
func healthCommand(args, environ []string, stderr io.Writer) int {
	listen := ":8080"
	for _, line := range environ {
		if v, ok := strings.CutPrefix(line, "ORIEL_LISTEN="); ok && strings.TrimSpace(v) != "" {
			listen = strings.TrimSpace(v)
		}
	}
	flags := flag.NewFlagSet("oriel healthcheck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&listen, "listen", listen, "address that the server listens on")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return exitOK
	case err != nil:
		return exitUsage
	}
	if err := checkHealth(listen); err != nil {
		fmt.Fprintf(stderr, "oriel healthcheck: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func checkHealth(listen string) error {
	ctx, cancel := context.WithTimeout(context.Background(), healthWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+visitAddress(listen)+"/healthz", nil)
	if err != nil {
		return err
	}
	// The proxy of the environment is for the outside, not for this machine.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", res.Status)
	}
	return nil
}
