/*
 * Does nothing but answer, as fast as a socket goes, so that what is measured against it is the load generator's own limit.
 * Prints its port. Arguments: size of its answers' bodies in bytes, and their status.
 */
const [sizeText = "0", status = "200"] = process.argv.slice(2);
const answer = Buffer.concat([
  Buffer.from(`HTTP/1.1 ${status} -\r\ncontent-length: ${sizeText}\r\n\r\n`),
  Buffer.alloc(Number(sizeText), "x"),
]);

interface Client {
  /** Of the body that is coming in. */
  bytesToCome: number;
  /** Of the answer that is going out. */
  bytesToSend: number;
}

const server = Bun.listen<Client>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { bytesToCome: 0, bytesToSend: 0 };
    },
    data(socket, chunk) {
      const client = socket.data;
      if (client.bytesToCome > 0) {
        client.bytesToCome -= chunk.length;
      } else {
        // wrk waits for an answer before it asks again, and its heads fit into one packet.
        const headBytes = chunk.indexOf("\r\n\r\n") + 4;
        const length = /content-length: (\d+)/i.exec(chunk.toString("latin1", 0, headBytes))?.[1];
        client.bytesToCome = Number(length ?? 0) - (chunk.length - headBytes);
      }
      if (client.bytesToCome > 0) return;
      client.bytesToSend = answer.length;
      send(socket);
    },
    drain: send,
  },
});
console.log(server.port);

function send(socket: Bun.Socket<Client>): void {
  const client = socket.data;
  if (client.bytesToSend === 0) return;
  client.bytesToSend -= socket.write(answer.subarray(answer.length - client.bytesToSend));
}

// Without it the compiler takes this file's names for global ones.
export {};
