//go:build !linux

package wire

import "net"

// Prompt returns nc as it is: only Linux has an option for prompt acknowledgements.
func Prompt(nc net.Conn) net.Conn { return nc }
