package imapsession_test

import (
	"testing"

	"oriel/internal/mailtest"
)

// The same suite on every server, see package mailtest for what each is there
// for. They run at the same time, because much of it is waiting for servers.

func TestConformanceEmbedded(t *testing.T) {
	t.Parallel()
	mailtest.Run(t, mailtest.Embedded)
}

func TestConformanceDovecot(t *testing.T) {
	t.Parallel()
	mailtest.Run(t, mailtest.Dovecot)
}

func TestConformanceCyrus(t *testing.T) {
	t.Parallel()
	mailtest.Run(t, mailtest.Cyrus(t))
}

func TestConformanceCyrusBelow(t *testing.T) {
	t.Parallel()
	mailtest.Run(t, mailtest.CyrusBelow(t), "Folders", "FolderNames", "Roles", "CreateRole", "NoFolder", "Move", "Watch")
}

func TestConformanceCourier(t *testing.T) {
	t.Parallel()
	mailtest.Run(t, mailtest.Courier(t))
}
