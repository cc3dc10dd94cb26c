// Package mail holds the nouns of Oriel: folders, messages, parts, addresses,
// flags, and the kinds of error that can happen to them.
//
// It does no I/O and knows neither IMAP nor HTTP. Every other package speaks in
// these types, so they are plain data with no locks, clocks or interfaces.
package mail
