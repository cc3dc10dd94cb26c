package imapsession_test

import (
	"testing"

	"oriel/internal/mailtest"
)

// The same suite on every server: see package mailtest for what each is there for.
func TestConformanceEmbedded(t *testing.T) { mailtest.Run(t, mailtest.Embedded) }
func TestConformanceDovecot(t *testing.T)  { mailtest.Run(t, mailtest.Dovecot) }
func TestConformanceCyrus(t *testing.T)    { mailtest.Run(t, mailtest.Cyrus(t)) }
func TestConformanceCourier(t *testing.T)  { mailtest.Run(t, mailtest.Courier(t)) }
