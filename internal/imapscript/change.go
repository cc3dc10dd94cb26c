package imapscript

import "fmt"

// The methods here are what other clients, or the server's keeper, do to the
// account while it is in use. Connections in IDLE hear of it at once.

// Deliver puts new messages into a folder. Those without a UID get the next one.
func (m *Mailbox) Deliver(folder string, messages ...*Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range messages {
		if msg.UID == 0 {
			msg.UID = m.next(folder)
		}
		m.add(folder, msg)
	}
	m.tell(folder)
}

// Mark changes flags: Mark("INBOX", `+FLAGS (\Seen)`, 3, 4).
func (m *Mailbox) Mark(folder, what string, uids ...uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.named(folder, uids) {
		if msg.store(what) {
			m.bump(folder, msg)
		}
	}
	m.tell(folder)
}

// Expunge removes messages.
func (m *Mailbox) Expunge(folder string, uids ...uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.named(folder, uids) {
		m.remove(folder, msg)
	}
	m.tell(folder)
}

// Recreate puts another folder in the place of one: other messages, another
// UIDVALIDITY. Who has the old one selected is sent away, as servers do.
func (m *Mailbox) Recreate(folder string, messages ...*Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	validity := m.validity(folder) + 1
	delete(m.past, folder)
	if m.Folders == nil {
		m.Folders = map[string][]*Message{}
	}
	m.Folders[folder] = messages
	m.of(folder).validity = validity
	m.sendAway(folder)
}

// Rename gives a folder another name. Who has it selected is sent away.
func (m *Mailbox) Rename(from, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Folders[to], m.past[to] = m.Folders[from], m.of(from)
	delete(m.Folders, from)
	delete(m.past, from)
	m.sendAway(from)
}

// Remove deletes a folder. Who has it selected is sent away.
func (m *Mailbox) Remove(folder string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.Folders, folder)
	delete(m.past, folder)
	m.sendAway(folder)
}

// Rewind gives all messages the lowest modification sequences there are, as a
// restored backup has them.
func (m *Mailbox) Rewind(folder string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(folder).modSeq = 1
	for _, msg := range m.Folders[folder] {
		m.bump(folder, msg)
	}
}

// Loud ends Quiet.
func (m *Mailbox) Loud() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Quiet = false
}

// SetPassword changes what LOGIN accepts from now on, quoted as the client
// quotes it.
func (m *Mailbox) SetPassword(quoted string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Password = quoted
}

// Push sends lines to every connection that is in IDLE, as they stand, and
// returns how many these are.
func (m *Mailbox) Push(lines string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for v := range m.views {
		if v.idling && v.c.Send("%s", lines) {
			n++
		}
	}
	return n
}

// Bye ends every connection that is in IDLE, with a word.
func (m *Mailbox) Bye(text string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for v := range m.views {
		if v.idling {
			v.c.Send("* BYE %s\r\n", text)
			v.c.Drop()
			n++
		}
	}
	return n
}

// Idling counts the connections that are in IDLE on a folder; "" means any.
func (m *Mailbox) Idling(folder string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for v := range m.views {
		if v.idling && (folder == "" || v.selected == folder) {
			n++
		}
	}
	return n
}

// UIDs lists a folder.
func (m *Mailbox) UIDs(folder string) (uids []uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.Folders[folder] {
		uids = append(uids, msg.UID)
	}
	return uids
}

// tell announces to those who wait for it. It needs m.mu.
func (m *Mailbox) tell(folder string) {
	for v := range m.views {
		if v.idling && v.selected == folder && !m.Quiet {
			v.announce()
		}
	}
}

func (m *Mailbox) sendAway(folder string) {
	for v := range m.views {
		if v.selected == folder {
			v.c.Send("* BYE the folder is gone\r\n")
			v.c.Drop()
		}
	}
}

// named finds messages. All of them must be there.
func (m *Mailbox) named(folder string, uids []uint32) (found []*Message) {
	wanted := map[uint32]bool{}
	for _, uid := range uids {
		wanted[uid] = true
	}
	for _, msg := range m.Folders[folder] {
		if wanted[msg.UID] {
			m.modSeqOf(folder, msg)
			found = append(found, msg)
		}
	}
	if len(found) != len(wanted) {
		panic(fmt.Sprintf("imapscript: %s has not all of %v", folder, uids))
	}
	return found
}
