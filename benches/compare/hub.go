// The well-known hub: a chat over server-sent events on Go's net/http, rooms in memory, no history.
//
//	GET /rooms/ROOM    the stream
//	POST /rooms/ROOM   a message to all readers
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"sync"
)

const (
	// Messages that wait for a reader. One for whom more would wait is cut off, and the next are lost to it.
	waitingMax = 256
	// Bytes of a message.
	messageBytesMax = 65536
)

// A hub is a room. A reader is the channel of the frames that wait for it; the hub closes it to cut it off.
type hub struct {
	mutex   sync.Mutex
	readers map[chan []byte]struct{}
}

func (h *hub) join() chan []byte {
	reader := make(chan []byte, waitingMax)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.readers[reader] = struct{}{}
	return reader
}

func (h *hub) leave(reader chan []byte) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	delete(h.readers, reader)
}

func (h *hub) broadcast(frame []byte) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for reader := range h.readers {
		select {
		case reader <- frame:
		default:
			delete(h.readers, reader)
			close(reader)
		}
	}
}

type hubs struct {
	mutex sync.Mutex
	named map[string]*hub
}

func (h *hubs) hub(name string) *hub {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.named[name] == nil {
		h.named[name] = &hub{readers: map[chan []byte]struct{}{}}
	}
	return h.named[name]
}

func read(room *hub, response http.ResponseWriter, request *http.Request) {
	reader := room.join()
	defer room.leave(reader)
	response.Header().Set("Content-Type", "text/event-stream")
	response.Header().Set("Cache-Control", "no-cache")
	flusher := response.(http.Flusher)
	flusher.Flush()
	for {
		select {
		case <-request.Context().Done():
			return
		case frame, open := <-reader:
			if !open {
				return
			}
			response.Write(frame)
			// All that wait leave together.
			for waiting := len(reader); waiting > 0; waiting-- {
				response.Write(<-reader)
			}
			flusher.Flush()
		}
	}
}

func send(room *hub, response http.ResponseWriter, request *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(response, request.Body, messageBytesMax))
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	room.broadcast([]byte("data: " + string(content) + "\n\n"))
	response.WriteHeader(http.StatusCreated)
}

func main() {
	rooms := &hubs{named: map[string]*hub{}}
	http.HandleFunc("GET /rooms/{room}", func(response http.ResponseWriter, request *http.Request) {
		read(rooms.hub(request.PathValue("room")), response, request)
	})
	http.HandleFunc("POST /rooms/{room}", func(response http.ResponseWriter, request *http.Request) {
		send(rooms.hub(request.PathValue("room")), response, request)
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
