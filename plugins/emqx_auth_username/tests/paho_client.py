"""Connects with paho: paho_client.py PORT VERSION USER PASSWORD. Prints the reason code."""
import sys

import paho.mqtt.client as mqtt

port, version, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
client = mqtt.Client(client_id="paho", protocol=version)
client.username_pw_set(user, password)
done = []


def on_connect(client, userdata, flags, reason, properties=None):
    done.append(reason.value if hasattr(reason, "value") else reason)
    client.disconnect()


client.on_connect = on_connect
client.connect("127.0.0.1", port)
client.loop_start()
while not done:
    client._thread.join(0.01)
client.loop_stop()
print("reason", done[0])
