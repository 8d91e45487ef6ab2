/* Paho's C client against the broker: paho_scenario PORT PROTOCOL [CAFILE]
 * PROTOCOL is 3 (MQTT 3.1), 4 (3.1.1) or 5. Exits with 1 and a reason when something is not as it
 * should be. Every call of the asynchronous client is made to wait for its answer. */
#include <MQTTAsync.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kPatience = 15, kInbox = 16 };

static const char* g_port;
static int g_version;
static const char* g_cafile;

static void fail(const char* what, const char* detail) {
  fprintf(stderr, "not as it should be: %s %s\n", what, detail);
  fflush(stderr);
  _exit(1);
}

struct message {
  char topic[64], payload[64];
  int qos, retained;
};

struct peer {
  MQTTAsync client;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int done, failed, session_present; /* of the call in flight */
  struct message inbox[kInbox];
  unsigned first, last;
};

static void finish(struct peer* peer, int failed) {
  pthread_mutex_lock(&peer->mutex);
  peer->done = 1;
  peer->failed = failed;
  pthread_cond_broadcast(&peer->changed);
  pthread_mutex_unlock(&peer->mutex);
}

static void on_success(void* context, MQTTAsync_successData* data) {
  (void)data;
  finish(context, 0);
}
static void on_success5(void* context, MQTTAsync_successData5* data) {
  (void)data;
  finish(context, 0);
}
static void on_failure(void* context, MQTTAsync_failureData* data) {
  (void)data;
  finish(context, 1);
}
static void on_failure5(void* context, MQTTAsync_failureData5* data) {
  (void)data;
  finish(context, 1);
}
static void on_connect(void* context, MQTTAsync_successData* data) {
  struct peer* peer = context;
  peer->session_present = data->alt.connect.sessionPresent;
  finish(peer, 0);
}
static void on_connect5(void* context, MQTTAsync_successData5* data) {
  struct peer* peer = context;
  peer->session_present = data->alt.connect.sessionPresent;
  finish(peer, 0);
}

static int on_message(void* context, char* topic, int length, MQTTAsync_message* message) {
  struct peer* peer = context;
  (void)length;
  pthread_mutex_lock(&peer->mutex);
  struct message* slot = &peer->inbox[peer->last++ % kInbox];
  snprintf(slot->topic, sizeof slot->topic, "%s", topic);
  snprintf(slot->payload, sizeof slot->payload, "%.*s", message->payloadlen,
           (char*)message->payload);
  slot->qos = message->qos;
  slot->retained = message->retained;
  pthread_cond_broadcast(&peer->changed);
  pthread_mutex_unlock(&peer->mutex);
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return 1;
}

/* Waits until *flag is not equal to `old`. */
static void await(struct peer* peer, const unsigned* flag, unsigned old, const char* what) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += kPatience;
  while (*flag == old) {
    if (pthread_cond_timedwait(&peer->changed, &peer->mutex, &until) != 0)
      fail("never came:", what);
  }
}

static void complete(struct peer* peer, int started, const char* what) {
  if (started != MQTTASYNC_SUCCESS) fail("not sent:", what);
  pthread_mutex_lock(&peer->mutex);
  await(peer, (const unsigned*)&peer->done, 0, what);
  const int failed = peer->failed;
  pthread_mutex_unlock(&peer->mutex);
  if (failed) fail("refused:", what);
}

static MQTTAsync_responseOptions respond(struct peer* peer) {
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.context = peer;
  if (g_version == MQTTVERSION_5) {
    options.onSuccess5 = on_success5;
    options.onFailure5 = on_failure5;
  } else {
    options.onSuccess = on_success;
    options.onFailure = on_failure;
  }
  peer->done = 0;
  return options;
}

static MQTTAsync create(const char* name) {
  char uri[64], id[32];
  snprintf(uri, sizeof uri, "%s://127.0.0.1:%s", g_cafile ? "ssl" : "tcp", g_port);
  snprintf(id, sizeof id, "c-%s", name);
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
  if (g_version == MQTTVERSION_5) {
    MQTTAsync_createOptions create5 = MQTTAsync_createOptions_initializer5;
    create = create5;
  }
  create.MQTTVersion = g_version;
  MQTTAsync client = NULL;
  if (MQTTAsync_createWithOptions(&client, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) !=
      MQTTASYNC_SUCCESS)
    fail("no client", name);
  return client;
}

static struct peer* open_peer(const char* name, int clean, const char* will_topic) {
  struct peer* peer = calloc(1, sizeof *peer);
  pthread_mutex_init(&peer->mutex, NULL);
  pthread_cond_init(&peer->changed, NULL);
  peer->client = create(name);
  MQTTAsync_setCallbacks(peer->client, peer, NULL, on_message, NULL);

  MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
  MQTTProperties properties = MQTTProperties_initializer;
  MQTTProperty expiry;
  if (g_version == MQTTVERSION_5) {
    MQTTAsync_connectOptions options5 = MQTTAsync_connectOptions_initializer5;
    options = options5;
    options.cleanstart = clean;
    options.onSuccess5 = on_connect5;
    options.onFailure5 = on_failure5;
    if (!clean) {
      expiry.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL;
      expiry.value.integer4 = 100;
      MQTTProperties_add(&properties, &expiry);
    }
    options.connectProperties = &properties;
  } else {
    options.cleansession = clean;
    options.onSuccess = on_connect;
    options.onFailure = on_failure;
  }
  options.MQTTVersion = g_version;
  options.keepAliveInterval = 60;
  options.connectTimeout = kPatience;
  options.context = peer;
  MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
  if (will_topic) {
    will.topicName = will_topic;
    will.message = "gone";
    will.qos = 1;
    options.will = &will;
  }
  MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
  if (g_cafile) {
    tls.trustStore = g_cafile;
    tls.verify = 1;
    options.ssl = &tls;
  }
  complete(peer, MQTTAsync_connect(peer->client, &options), "CONNACK");
  MQTTProperties_free(&properties);
  return peer;
}

static void subscribe(struct peer* peer, const char* topic, int qos) {
  MQTTAsync_responseOptions options = respond(peer);
  complete(peer, MQTTAsync_subscribe(peer->client, topic, qos, &options), "SUBACK");
}

static void publish(struct peer* peer, const char* topic, const char* payload, int qos,
                    int retained) {
  MQTTAsync_responseOptions options = respond(peer);
  complete(
      peer,
      MQTTAsync_send(peer->client, topic, (int)strlen(payload), payload, qos, retained, &options),
      topic);
}

static void take(struct peer* peer, const char* topic, const char* payload, int qos, int retained) {
  pthread_mutex_lock(&peer->mutex);
  await(peer, &peer->last, peer->first, topic);
  const struct message* got = &peer->inbox[peer->first++ % kInbox];
  if (strcmp(got->topic, topic) != 0 || strcmp(got->payload, payload) != 0 || got->qos != qos ||
      got->retained != retained)
    fail("another message than", payload);
  pthread_mutex_unlock(&peer->mutex);
}

static void close_peer(struct peer* peer) {
  MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
  if (g_version == MQTTVERSION_5) {
    MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;
    options = options5;
    options.onSuccess5 = on_success5;
    options.onFailure5 = on_failure5;
  } else {
    options.onSuccess = on_success;
    options.onFailure = on_failure;
  }
  options.context = peer;
  peer->done = 0;
  complete(peer, MQTTAsync_disconnect(peer->client, &options), "the end");
  MQTTAsync_destroy(&peer->client);
  free(peer);
}

static void exchange(void) {
  static const char* const kPayloads[] = {"qos 0", "qos 1", "qos 2"};
  struct peer* peer = open_peer("exchange", 1, NULL);
  subscribe(peer, "c/t/+", 2);
  for (int qos = 0; qos < 3; ++qos) {
    publish(peer, "c/t/x", kPayloads[qos], qos, 0);
    take(peer, "c/t/x", kPayloads[qos], qos, 0);
  }
  close_peer(peer);
}

static void retained(void) {
  struct peer* peer = open_peer("retained", 1, NULL);
  publish(peer, "c/kept", "kept", 1, 1);
  subscribe(peer, "c/kept", 1);
  take(peer, "c/kept", "kept", 1, 1);
  publish(peer, "c/kept", "", 1, 1);
  close_peer(peer);
}

/* The client with the will is a process of its own, which ends without a word. */
static void will(const char* program) {
  struct peer* watcher = open_peer("watcher", 1, NULL);
  subscribe(watcher, "c/will", 1);
  const pid_t child = fork();
  if (child == 0) {
    char version[2] = {(char)('0' + g_version), 0};
    execl(program, program, g_port, version, g_cafile ? g_cafile : "", "victim", (char*)NULL);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the client with the will", "failed");
  take(watcher, "c/will", "gone", 1, 0);
  close_peer(watcher);
}

static void session(void) {
  static const char* const kPayloads[] = {"one", "two", "three"};
  struct peer* absent = open_peer("absent", 0, NULL);
  subscribe(absent, "c/queue", 1);
  close_peer(absent);
  struct peer* publisher = open_peer("publisher", 1, NULL);
  for (int i = 0; i < 3; ++i) publish(publisher, "c/queue", kPayloads[i], 1, 0);
  close_peer(publisher);
  struct peer* back = open_peer("absent", 0, NULL);
  if (g_version != MQTTVERSION_3_1 && !back->session_present) fail("session present", "");
  for (int i = 0; i < 3; ++i) take(back, "c/queue", kPayloads[i], 1, 0);
  close_peer(back);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  g_port = argv[1];
  g_version = atoi(argv[2]);
  g_cafile = argc > 3 && argv[3][0] != 0 ? argv[3] : NULL;
  if (argc > 4) {
    open_peer("victim", 1, "c/will");
    _exit(0);
  }
  exchange();
  retained();
  will(argv[0]);
  session();
  return 0;
}
