package plugins

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	pb "github.com/gokeras/gk/plugins/proto/v1"
)

// This file owns plugins that run in gk's own process, behind a real connection: for tests of what crosses the border.

// Loopback serves c to itself: everything is as with a process of its own, but that there is none. Tensors travel by gRPC.
func Loopback(c Config, o Options) (*Plugin, error) {
	o.Transport = "stream"
	p := newPlugin("loopback", o)
	p.inProcess = func() (*process, error) {
		listener := bufconn.Listen(1 << 20)
		server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage), grpc.ChainUnaryInterceptor(unaryErrors), grpc.ChainStreamInterceptor(streamErrors))
		pb.RegisterPluginServer(server, newServer(c, nil))
		go func() { _ = server.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///loopback", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
		if err != nil {
			return nil, err
		}
		return &process{conn: conn, rpc: pb.NewPluginClient(conn), tail: &tail{}, end: server.Stop}, nil
	}
	if _, err := p.running(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}
