// Command gortsplib-peer is a small RTSP server on the library that MediaMTX is built on, for framelag's tests.
//
// It takes publishers and players on any path, over TCP and UDP, and passes RTP packets through as they are. It listens on
// free loopback ports, prints its URL on standard output once it does, and ends when standard input ends.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// How many random ports are tried before giving up: somebody else may hold one.
const portAttempts = 50

func main() {
	relay := &relay{paths: map[string]*path{}}
	server, err := start(relay)
	if err != nil {
		log.Fatal(err)
	}
	relay.server = server
	fmt.Printf("rtsp://%s\n", server.RTSPAddress)

	// The test holds the other end of standard input: this process never outlives it.
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.Close()
}

// start listens on random loopback ports: RTP on an even one and RTCP on the next (RFC 3550 section 11), RTSP on the third.
func start(handler gortsplib.ServerHandler) (*gortsplib.Server, error) {
	var err error
	for range portAttempts {
		port := 20000 + 4*rand.IntN(10000)
		server := &gortsplib.Server{
			Handler:        handler,
			RTSPAddress:    fmt.Sprintf("127.0.0.1:%d", port+2),
			UDPRTPAddress:  fmt.Sprintf("127.0.0.1:%d", port),
			UDPRTCPAddress: fmt.Sprintf("127.0.0.1:%d", port+1),
		}
		if err = server.Start(); err == nil {
			return server, nil
		}
	}
	return nil, fmt.Errorf("no free ports: %w", err)
}

// path is one stream and the session that publishes it.
type path struct {
	stream    *gortsplib.ServerStream
	publisher *gortsplib.ServerSession
}

// relay passes each path's packets from its publisher to its players.
type relay struct {
	mutex  sync.RWMutex
	server *gortsplib.Server
	paths  map[string]*path
}

// OnAnnounce takes a publisher, unless the path has one.
func (r *relay) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if _, taken := r.paths[ctx.Path]; taken {
		return &base.Response{StatusCode: base.StatusBadRequest}, errors.New("somebody publishes here already")
	}
	stream := &gortsplib.ServerStream{Server: r.server, Desc: ctx.Description}
	if err := stream.Initialize(); err != nil {
		return &base.Response{StatusCode: base.StatusInternalServerError}, err
	}
	r.paths[ctx.Path] = &path{stream: stream, publisher: ctx.Session}
	log.Printf("announced %s: %d media", ctx.Path, len(ctx.Description.Medias))
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnDescribe answers with what the publisher announced.
func (r *relay) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return r.find(ctx.Path)
}

// OnSetup answers a publisher, who needs no stream, and a player, who does.
func (r *relay) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return &base.Response{StatusCode: base.StatusOK}, nil, nil
	}
	return r.find(ctx.Path)
}

// OnRecord starts passing the publisher's packets through.
func (r *relay) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	log.Printf("recording %s over %v", ctx.Path, ctx.Session.Transport().Protocol)
	_, stream, err := r.find(ctx.Path)
	if err != nil {
		return &base.Response{StatusCode: base.StatusNotFound}, err
	}
	ctx.Session.OnPacketRTPAny(func(media *description.Media, _ format.Format, packet *rtp.Packet) {
		if err := stream.WritePacketRTP(media, packet); err != nil {
			log.Printf("%s: %v", ctx.Path, err)
		}
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnPlay says who plays.
func (r *relay) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	log.Printf("playing %s over %v", ctx.Path, ctx.Session.Transport().Protocol)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnPacketsLost says what UDP, or a hole in somebody's sequence numbers, lost.
func (r *relay) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	log.Printf("lost %d packets", ctx.Lost)
}

// OnDecodeError says which packet the library could not read.
func (r *relay) OnDecodeError(ctx *gortsplib.ServerHandlerOnDecodeErrorCtx) {
	log.Printf("decode error: %v", ctx.Error)
}

// OnSessionClose frees a publisher's path, which ends its players' sessions.
func (r *relay) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	log.Printf("session closed: %v", ctx.Error)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for name, path := range r.paths {
		if path.publisher == ctx.Session {
			path.stream.Close()
			delete(r.paths, name)
		}
	}
}

func (r *relay) find(name string) (*base.Response, *gortsplib.ServerStream, error) {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	path, found := r.paths[name]
	if !found {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, fmt.Errorf("nobody publishes %s", name)
	}
	return &base.Response{StatusCode: base.StatusOK}, path.stream, nil
}
