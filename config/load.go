package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// prefix is common to all variables. A variable with it that nobody knows is an
// error: a misspelt setting must not silently leave its default in force.
const prefix = "ORIEL_"

// maxFile bounds what is read from a file named by a setting. Keys and
// passwords have a few hundred bytes, bundles of certificates some 200 KiB.
const maxFile = 4 << 20

// Problems lists everything that is wrong with a configuration, one sentence
// each, so that the operator repairs it in one go. It never holds the value of
// a secret.
type Problems []string

func (p Problems) Error() string {
	return strings.Join(p, "\n")
}

// setting is one field of Config, as its tags describe it.
type setting struct {
	env      string
	flag     string
	fallback string
	doc      string
	secret   bool
	required bool
	isSwitch bool // a bool: -insecure-cookies needs no value
}

// settings reads the tags of Config, in the order of its fields.
func settings() []setting {
	t := reflect.TypeFor[Config]()
	list := make([]setting, 0, t.NumField())
	for f := range t.Fields() {
		env := f.Tag.Get("env")
		list = append(list, setting{
			env:      env,
			flag:     strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(env, prefix)), "_", "-"),
			fallback: f.Tag.Get("default"),
			doc:      f.Tag.Get("doc"),
			secret:   f.Tag.Get("secret") != "",
			required: f.Tag.Get("required") != "",
			isSwitch: f.Type.Kind() == reflect.Bool,
		})
	}
	return list
}

// names are the variables that the setting answers to: its own, and NAME_FILE
// for a secret.
func (s setting) names() []string {
	if s.secret {
		return []string{s.env, s.env + "_FILE"}
	}
	return []string{s.env}
}

// Load fills a Config from flags over environment over defaults. args are the
// arguments after the command; environ is in the form of os.Environ. The error
// is flag.ErrHelp when help was asked for, else Problems. An empty variable
// counts as not set, as container tools write it for "nothing".
func Load(args, environ []string) (Config, error) {
	var problems Problems
	env, unknown := readEnviron(environ)
	problems = append(problems, unknown...)
	flags, err := readFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return Config{}, err
	}
	if err != nil {
		problems = append(problems, err.Error())
	}

	var c Config
	for _, s := range settings() {
		v, err := s.choose(flags, env)
		if err == nil && v != "" {
			err = c.set(s.env, v)
		}
		switch {
		case err != nil:
			problems = append(problems, s.env+": "+err.Error())
		case v == "" && s.required:
			problems = append(problems, s.env+" is not set. "+s.doc)
		}
	}
	problems = append(problems, c.conflicts()...)
	if len(problems) > 0 {
		return Config{}, problems
	}
	return c, nil
}

// choose finds the setting's text: flag, then environment, then default. Within
// one source a secret and its file exclude each other, because guessing which
// of two keys was meant is worse than asking.
func (s setting) choose(sources ...map[string]string) (string, error) {
	for _, source := range sources {
		plain := source[s.env]
		if !s.secret {
			if plain != "" {
				return plain, nil
			}
			continue
		}
		file := source[s.env+"_FILE"]
		switch {
		case plain != "" && file != "":
			return "", fmt.Errorf("given twice, directly and as %s_FILE: remove one", s.env)
		case plain != "":
			return plain, nil
		case file != "":
			return readSecret(file)
		}
	}
	return s.fallback, nil
}

func readSecret(name string) (string, error) {
	b, err := readFile(name)
	if err != nil {
		return "", err
	}
	v := strings.TrimSpace(string(b))
	if v == "" {
		return "", fmt.Errorf("the file %s is empty", name)
	}
	return v, nil
}

// readFile reads a file named by a setting, within bounds: the name might be
// that of a device or a disk image.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("the file %s is larger than %d MiB: surely another one was meant", name, maxFile>>20)
	}
	return b, nil
}

// readEnviron picks the ORIEL_ variables and complains about unknown ones.
func readEnviron(environ []string) (map[string]string, Problems) {
	known := map[string]bool{}
	var names []string
	for _, s := range settings() {
		for _, n := range s.names() {
			known[n] = true
			names = append(names, n)
		}
	}
	all := map[string]string{}
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok {
			all[name] = value
		}
	}
	values := map[string]string{}
	var unknown Problems
	for name, value := range all {
		switch {
		case known[name]:
			values[name] = strings.TrimSpace(value)
		case strings.HasPrefix(name, prefix) && !fromKubernetes(name, all):
			unknown = append(unknown, name+" is not a setting of Oriel"+didYouMean(name, names))
		}
	}
	slices.Sort(unknown)
	return values, unknown
}

// serviceVariable matches what Kubernetes puts into every container of a
// namespace that has a service named "oriel" (ORIEL_SERVICE_HOST,
// ORIEL_PORT_8080_TCP and so on). Nobody chose those names, so they are no
// misspelt settings.
var serviceVariable = regexp.MustCompile(`^ORIEL_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

func fromKubernetes(name string, environ map[string]string) bool {
	return environ["KUBERNETES_SERVICE_HOST"] != "" && environ["ORIEL_SERVICE_HOST"] != "" && serviceVariable.MatchString(name)
}

// text is a flag.Value that stores the flag under its variable's name.
type text struct {
	values   map[string]string
	env      string
	isSwitch bool
}

func (t text) String() string     { return "" }
func (t text) IsBoolFlag() bool   { return t.isSwitch }
func (t text) Set(v string) error { t.values[t.env] = strings.TrimSpace(v); return nil }

func readFlags(args []string) (map[string]string, error) {
	values := map[string]string{}
	set := flag.NewFlagSet("oriel", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var names []string
	for _, s := range settings() {
		for _, n := range s.names() {
			name := s.flag
			if n != s.env {
				name += "-file"
			}
			names = append(names, "-"+name)
			set.Var(text{values: values, env: n, isSwitch: s.isSwitch}, name, s.doc)
		}
	}
	err := set.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		msg := err.Error()
		if name, ok := strings.CutPrefix(msg, "flag provided but not defined: "); ok {
			return values, errors.New(name + " is not a flag of Oriel" + didYouMean(name, names))
		}
		return values, errors.New(msg)
	}
	if err == nil && set.NArg() > 0 {
		return values, fmt.Errorf("%q is neither a flag nor a command that can stand here", set.Arg(0))
	}
	return values, err
}
