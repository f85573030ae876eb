package server

import (
	"fmt"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
)

// AdminSocket is the name of the socket, in the state directory, on which a
// gateway that runs serves its Operations.
const AdminSocket = "admin.sock"

// Operations are what a command can do with a gateway, whether it runs or only
// its state is open. Names of arguments and results are in the types here.
func (s *Server) Operations() admin.Operations {
	return admin.Operations{
		"queue.ls":        admin.On(s.queueRows),
		"queue.show":      admin.On(s.queueMessage),
		"queue.content":   admin.On(s.queueContent),
		"queue.hold":      admin.On(s.queueHold),
		"queue.release":   admin.On(s.queueRelease),
		"queue.retry":     admin.On(s.queueRetry),
		"queue.drop":      admin.On(s.queueDrop),
		"queue.bounce":    admin.On(s.queueBounce),
		"queue.top":       admin.On(s.queueTop),
		"list.ls":         admin.On(s.listRows),
		"list.show":       admin.On(s.listShow),
		"list.create":     admin.On(s.listCreate),
		"list.set":        admin.On(s.listSet),
		"list.delete":     admin.On(s.listDelete),
		"list.inventory":  admin.On(s.listInventory),
		"member.ls":       admin.On(s.memberRows),
		"member.find":     admin.On(s.memberFind),
		"member.add":      admin.On(s.memberAdd),
		"member.remove":   admin.On(s.memberRemove),
		"member.disable":  admin.On(s.memberDisable),
		"member.enable":   admin.On(s.memberEnable),
		"member.reset":    admin.On(s.memberReset),
		"suppress.ls":     admin.On(s.suppressionRows),
		"suppress.add":    admin.On(s.suppressionAdd),
		"suppress.rm":     admin.On(s.suppressionRemove),
		"verp.rotate":     admin.On(s.verpRotate),
		"plugin.ls":       admin.On(s.pluginRows),
		"plugin.replay":   admin.On(s.pluginReplay),
		"plugin.swap":     admin.On(s.pluginSwap),
		"plugin.rollback": admin.On(s.pluginRollback),
	}
}

// Nothing is the arguments of an operation that needs none.
type Nothing struct{}

// badData is the error of a command that was given something wrong.
func badData(format string, args ...any) error {
	return &admin.Error{Exit: admin.ExitData, Text: fmt.Sprintf(format, args...)}
}

// list finds a list that accepts mail, by its address or its id.
func (s *Server) list(name string) (*gateway.List, error) {
	l, err := s.roster.Find(name)
	if err != nil {
		return nil, badData("%v", err)
	}
	return l, nil
}
