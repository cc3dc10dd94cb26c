package imapsession_test

import (
	"testing"

	"oriel/internal/mailtest"
)

// The same suite on both servers: the embedded one proves the ways without
// extensions, Dovecot those with them.
func TestConformanceEmbedded(t *testing.T) { mailtest.Run(t, mailtest.Embedded) }
func TestConformanceDovecot(t *testing.T)  { mailtest.Run(t, mailtest.Dovecot) }
