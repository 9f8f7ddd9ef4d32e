package wire

import (
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gokeras/gk/core"
	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns errors: gk's own type on both sides of the border.

// Contract is the error of a plugin that does not keep to the protocol.
func Contract(where, format string, args ...any) error {
	return core.Errorf(core.ErrPluginContract, where, format, args...)
}

// Message is an error as a message.
func Message(err error) *pb.Error {
	var e *core.Error
	if !errors.As(err, &e) {
		return &pb.Error{Kind: string(core.ErrPlugin), Msg: err.Error()}
	}
	msg := e.Msg
	if e.Err != nil {
		msg = strings.TrimPrefix(msg+": "+e.Err.Error(), ": ")
	}
	return &pb.Error{Kind: string(e.Kind), Where: e.Where, Msg: msg, Hint: e.Hint}
}

// Status is an error as gRPC returns it.
func Status(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	code := codes.Internal
	var e *core.Error
	if errors.As(err, &e) && e.Kind != core.ErrPlugin {
		code = codes.InvalidArgument
	}
	m := Message(err)
	s := status.New(code, m.Msg)
	if d, err := s.WithDetails(m); err == nil {
		s = d
	}
	return s.Err()
}

// maxText bounds every text of an error from the other side.
const maxText = 2048

// Error is the error that a message holds.
func Error(m *pb.Error) *core.Error {
	kind := core.Kind(m.GetKind())
	if !kind.WellFormed() {
		kind = core.ErrPlugin
	}
	return &core.Error{Kind: kind, Where: cut(m.GetWhere()), Msg: cut(m.GetMsg()), Hint: cut(m.GetHint())}
}

func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxText)], "?") }

// FromStatus is the error that gRPC returned: the plugin's own where it sent one.
func FromStatus(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	for _, d := range s.Details() {
		if m, ok := d.(*pb.Error); ok {
			return Error(m)
		}
	}
	kind := core.ErrPlugin
	switch s.Code() {
	case codes.DeadlineExceeded:
		kind = core.ErrPluginTimeout
	case codes.Unavailable:
		kind = core.ErrPluginExited
	case codes.ResourceExhausted:
		kind = core.ErrPluginTooLarge
	case codes.Unimplemented:
		kind = core.ErrPluginProtocol
	}
	return &core.Error{Kind: kind, Msg: cut(s.Message())}
}
