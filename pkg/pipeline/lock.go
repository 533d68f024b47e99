package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkdemerge/bulkdemerge/internal/hint"
	"github.com/gofrs/flock"
)

// LockFile is the file in a run directory that a running process holds.
const LockFile = "run.lock"

// lockPatience is how long a lock is tried for: a status command beside us may
// hold it for a moment.
const lockPatience = 500 * time.Millisecond

// holder is what the lock file says of the process that holds it.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
	Dir     string    `json:"dir,omitempty"`
}

func (h holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d on %s, started %s", h.PID, h.Host, h.Started.Local().Format(time.DateTime))
}

// lock is a lock of the operating system: it ends with the process.
type lock struct{ f *flock.Flock }

// Close gives the lock back. The file stays as long as its folder does:
// removing it would let a third process lock a file that a second one still
// waits for.
func (l lock) Close() error { return l.f.Close() }

// LockDir takes a run directory for this process. If another one has it, the
// error has exit code 4 and says which. A folder that somebody made for a run
// and that is still empty becomes private first; one that holds anything is
// left as it is, it may be shared for a reason.
func LockDir(dir string, now time.Time) (io.Closer, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) == 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, usage(hint.Wrap(fmt.Errorf("making the run directory private: %w", err), "choose another place with --out DIR"))
		}
	}
	l, held, err := tryLock(filepath.Join(dir, LockFile), holder{Started: now.UTC()}, now.Add(lockPatience))
	if err != nil {
		return nil, usage(hint.Wrap(fmt.Errorf("locking the run directory: %w", err),
			"the run directory must be on a file system that has locks, and be writable"))
	}
	if l == nil {
		return nil, &Error{Code: ExitLocked, Err: hint.New(
			fmt.Sprintf("%s is running: %s holds it", dir, held),
			"wait for it, or look at it with: bulkdemerge status "+dir)}
	}
	return l, nil
}

// LockAccount notes that this process works on an account. If another process
// of this machine does too, it returns who; that is no error, the two share
// the account's slots. The closer is nil then.
func LockAccount(account, runDir string, now time.Time) (io.Closer, string) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("bulkdemerge-%d", os.Getuid()))
	if os.MkdirAll(dir, 0o700) != nil {
		return nil, "" // nowhere to note it: the notice is a courtesy
	}
	path, err := filepath.Abs(runDir)
	if err != nil {
		path = runDir
	}
	name := filepath.Join(dir, fmt.Sprintf("account-%x.lock", account))
	l, held, err := tryLock(name, holder{Started: now.UTC(), Dir: path}, now)
	if err != nil {
		return nil, ""
	}
	if l == nil {
		return nil, fmt.Sprintf("%s (%s)", held, held.Dir)
	}
	return l, ""
}

// tryLock locks a file and writes into it who holds it. It returns nil and the
// holder if somebody else does.
func tryLock(name string, me holder, until time.Time) (io.Closer, holder, error) {
	f := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	for {
		ok, err := f.TryLock()
		if err != nil {
			return nil, holder{}, err
		}
		if ok {
			break
		}
		if !time.Now().Before(until) {
			return nil, readHolder(name), nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	me.PID = os.Getpid()
	me.Host, _ = os.Hostname() // an empty name only shortens the message
	if b, err := json.Marshal(me); err == nil {
		// Whom the lock belongs to is for the message alone. Windows locks the
		// bytes too and does not let them be written.
		_ = os.WriteFile(name, append(b, '\n'), 0o600)
	}
	return lock{f}, me, nil
}

// readHolder reads who holds a lock; where that can't be read (Windows locks
// the bytes too) it is another process without a name.
func readHolder(name string) holder {
	var h holder
	if b, err := os.ReadFile(name); err != nil || json.Unmarshal(b, &h) != nil {
		return holder{}
	}
	return h
}

// running tells whether a process holds the run directory, and which.
func running(dir string) (bool, holder, error) {
	name := filepath.Join(dir, LockFile)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return false, holder{}, nil
	}
	f := flock.New(name, flock.SetFlag(os.O_RDONLY))
	ok, err := f.TryRLock()
	if err != nil {
		return false, holder{}, fmt.Errorf("looking at the lock: %w", err)
	}
	if ok {
		return false, holder{}, f.Close()
	}
	return true, readHolder(name), nil
}
