// A line between the browser and the gateway, which breaks when it is told to.

import net from "node:net";

export class Line {
  #sockets = new Set();
  #server;
  #isDeaf = false;
  #cuts = 0;
  /** How many sockets the console opened. */
  opened = 0;

  /** A line to this port of this machine. */
  constructor(target) {
    this.#server = net.createServer((near) => this.#carry(near, net.connect(target, "127.0.0.1")));
  }

  listen() {
    return new Promise((done) => this.#server.listen(0, "127.0.0.1", () => done(this.#server.address().port)));
  }

  /** From now on what the gateway says is lost; what it is told arrives. */
  deafen() {
    this.#isDeaf = true;
  }

  /** Breaks what is open. What is opened from now on is whole again, except that the next `cuts` break before they are greeted. */
  break(cuts = 0) {
    this.#isDeaf = false;
    this.#cuts = cuts;
    for (const it of this.#sockets) it.destroy();
  }

  close() {
    this.#server.close();
    this.break();
  }

  #carry(near, far) {
    let isSocket = false, isNew = true;
    for (const [one, other] of [[near, far], [far, near]]) {
      this.#sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.on("end", () => other.end());
    }
    near.on("data", (said) => {
      if (isSocket && isNew && this.#cuts > 0) {
        this.#cuts -= 1;
        return near.destroy();
      }
      isNew = !isSocket;
      if (!isSocket && /^upgrade: websocket/im.test(said.toString("latin1"))) {
        isSocket = true;
        this.opened += 1;
      }
      far.write(said);
    });
    far.on("data", (said) => {
      if (!this.#isDeaf || !isSocket) near.write(said);
    });
  }
}
