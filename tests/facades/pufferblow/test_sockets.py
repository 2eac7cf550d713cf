"""The sockets."""
from tests.facades.pufferblow.chat import Chat

def test_message(chat, connect):
    bob = chat.sign_up("bob")
    here = connect(bob)
    sent = chat.send(chat.owner, chat.lobby, "hi")
    print(here.wait_for("message"))
    print(here.heard)
