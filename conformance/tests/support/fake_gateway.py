"""A gateway in a hundred lines: Telegram by long polling in front of OpenAI's chat completions, one turn a message.

Usage: fake_gateway.py CONFIG STATE_DIR. It knows the words that OpenClaw 2026.3 configures these with, and nothing of
its queue: it neither merges, nor debounces, nor keeps a NO_REPLY to itself. The harness must tell the difference.
"""

import json
import pathlib
import queue
import sys
import threading
import urllib.request

config = json.loads(pathlib.Path(sys.argv[1]).read_text())
agent = config["agents"]["list"][0]
profiles = pathlib.Path(sys.argv[2], "agents", agent["id"], "agent", "auth-profiles.json")
key = json.loads(profiles.read_text())["profiles"]["openai:default"]["key"]
provider = config["models"]["providers"]["openai"]
telegram = config["channels"]["telegram"]


def post(address, body, headers=None):
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def call(token, method, **parameters):
    return post(f"{telegram['apiRoot']}/bot{token}/{method}", parameters)["result"]


def complete(history):
    body = {"model": agent["model"].removeprefix("openai/"), "messages": history}
    headers = {"Authorization": f"Bearer {key}"}
    return post(f"{provider['baseUrl']}/chat/completions", body, headers)["choices"][0]["message"]["content"]


def converse(token, chat, inbox):
    """Answers the messages of one chat, one by one."""
    history = [{"role": "system", "content": "You are a gateway's agent."}]
    while True:
        history.append({"role": "user", "content": inbox.get()})
        answer = complete(history)
        history.append({"role": "assistant", "content": answer})
        call(token, "sendMessage", chat_id=chat, text=answer)


def listen(token):
    """Hands every message of one bot to its chat, and acknowledges it at once."""
    inboxes, offset = {}, 0
    while True:
        for update in call(token, "getUpdates", offset=offset, timeout=30):
            offset = update["update_id"] + 1
            message = update.get("message", {})
            if "text" not in message or telegram["dmPolicy"] == "disabled":
                continue
            chat = message["chat"]["id"]
            if chat not in inboxes:
                inboxes[chat] = queue.Queue()
                threading.Thread(target=converse, args=(token, chat, inboxes[chat]), daemon=True).start()
            inboxes[chat].put(message["text"])


bots = [threading.Thread(target=listen, args=(it["botToken"],)) for it in telegram["accounts"].values()]
for bot in bots:
    bot.start()
