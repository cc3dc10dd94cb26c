package login

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyFile returns the text of the signing key kept in dir, and makes one at the
// first start. The file is complete before it gets its name, so that a crash or
// a second process starting at the same time leaves exactly one whole key.
func KeyFile(dir string) (string, error) {
	name := filepath.Join(dir, "key")
	b, err := os.ReadFile(name)
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("login: signing key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("login: signing key: %w", err)
	}
	if err := makeKey(dir, name); err != nil {
		return "", fmt.Errorf("login: signing key: %w", err)
	}
	b, err = os.ReadFile(name)
	return string(b), err
}

func makeKey(dir, name string) error {
	key := make([]byte, 32)
	rand.Read(key)                         // never fails, crypto/rand ends the program instead
	f, err := os.CreateTemp(dir, ".key-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	// Link, unlike Rename, refuses to replace a key that another process made
	// meanwhile; then that one is the key.
	err = os.Link(f.Name(), name)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return os.Rename(f.Name(), name) // a file system without hard links
	}
	return nil
}
