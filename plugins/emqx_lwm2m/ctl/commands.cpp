#include "emqx_lwm2m/ctl/commands.hpp"

#include "emqx_lwm2m/ctl/inquiries.hpp"
#include "emqx_lwm2m/ctl/operations.hpp"
#include "emqx_lwm2m/gateway/gateway.hpp"
#include "emqx_lwm2m/metrics.hpp"
#include "emqx_lwm2m/objects/load.hpp"
#include "emqx_lwm2m/report.hpp"

namespace lwm2m {
namespace {

using keel::concat;
using keel::CtlCall;
using keel::CtlReply;

// What the answer is put into words with, elsewhere than on the shard: it may be large.
struct Known {
  DefinitionsPtr definitions;
  ObjectVersions versions;
};

void answer(const keel::Host& host, const CtlReply& reply, const std::shared_ptr<Known>& known,
            bool json, const keel::Result<std::string>& result) {
  if (!result) return reply.fail(concat(result.text(), '\n')).ignore();
  const keel::Status begun = host.workers().run(
      [known, json, text = *result] {
        return operation_text(text, {known->definitions.get(), &known->versions}, json);
      },
      [reply](const keel::Result<OperationText>& done) {
        if (!done) return reply.fail(concat(done.text(), '\n')).ignore();
        (done->ok ? reply.ok(done->text) : reply.fail(done->text)).ignore();
      });
  if (!begun) reply.fail(concat(begun.text(), '\n')).ignore();
}

class Commands {
 public:
  Commands(keel::Host& host, Gateway& gateway, Metrics& metrics)
      : host_(host), gateway_(gateway), metrics_(metrics) {}

  int run(CtlCall& call) {
    const std::string_view verb = call[0];
    if (call.size() == 1) {
      if (verb == "list") return list(call, gateway_);
      if (verb == "stats") return stats(call, host_, gateway_, metrics_);
    }
    if (call.size() == 2) {
      if (verb == "show") return show(call, gateway_);
      if (verb == "objects") return objects(call, gateway_);
      if (verb == "queue") return queue(call, gateway_);
      if (verb == "observations") return observations(call, gateway_);
      if (verb == "deregister") return deregister(call);
    }
    if (verb == "xml") return xml(call);
    return operate(call);
  }

 private:
  // What the device shall do; empty: the words make no sense.
  static std::string wanted(const CtlCall& call) {
    const std::string_view verb = call[0];
    if (call.size() == 3) {
      if (verb == "read" || verb == "discover" || verb == "observe") {
        return operation(verb, call[2]);
      }
      if (verb == "cancel") return operation("cancel-observe", call[2]);
    }
    if (verb == "exec" && (call.size() == 3 || call.size() == 4)) {
      return execute_operation(call[2], call[3]);
    }
    if (verb == "write" && (call.size() == 4 || call.size() == 5)) {
      return write_operation(call[2], call[3], call[4]);
    }
    return {};
  }

  int operate(CtlCall& call) {
    std::string json = wanted(call);
    if (json.empty()) return KEEL_EXIT_USAGE;
    if (!parse_path(call[2])) {
      call.print("'", on_one_line(call[2]), "' is no path such as /3/0/9\n");
      return KEEL_EXIT_ERROR;
    }
    const bool asks = call[0] == "read" || call[0] == "discover";
    if (!asks) {
      host_.log().notice("ctl: endpoint=", on_one_line(call[1]), " ", call[0], " ",
                         on_one_line(call[2]));
    }
    gateway_.on_home(
        call[1], [&host = host_, endpoint = std::string(call[1]), json = std::move(json),
                  reply = call.reply(), as_json = call.json(), asks](ShardRoom& room) {
          const Resident* const resident = room.find(endpoint);
          if (!resident) return no_device(reply, endpoint);
          const Device& device = resident->device();
          const bool asleep = !device.reachable();
          if (asleep && asks) {
            return reply
                .fail(concat(
                    "'", on_one_line(endpoint),
                    "' sleeps, and nobody would be here any more when it answers; ask by MQTT\n"))
                .ignore();
          }
          const auto known = std::make_shared<Known>(
              Known{room.settings()->devices->definitions, device.registration().versions});
          room.operate(endpoint, json,
                       [&host, reply, known, as_json](const keel::Result<std::string>& result) {
                         answer(host, reply, known, as_json, result);
                       });
          if (asleep) {
            reply
                .ok(concat("'", on_one_line(endpoint),
                           "' sleeps; this waits for it, see ctl lwm2m queue ",
                           on_one_line(endpoint), '\n'))
                .ignore();
          }
        });
    return KEEL_EXIT_LATER;
  }

  int deregister(const CtlCall& call) {
    gateway_.deregister(call[1], [&host = host_, endpoint = std::string(call[1]),
                                  reply = call.reply()](bool was_there) {
      if (!was_there) return no_device(reply, endpoint);
      host.log().notice("ctl: endpoint=", on_one_line(endpoint), " deregistered");
      reply.ok("ok\n").ignore();
    });
    return KEEL_EXIT_LATER;
  }

  int xml(CtlCall& call) {
    const Definitions& definitions = *gateway_.settings()->devices->definitions;
    const std::string_view verb = call[1];
    if (verb == "list" && call.size() == 2) {
      call.print(call.json() ? definitions_json(definitions) : definitions_text(definitions));
      return KEEL_EXIT_OK;
    }
    if (verb == "reload" && call.size() == 2) return reload_xml(call);
    if (verb != "show" || call.size() < 3 || call.size() > 4) return KEEL_EXIT_USAGE;
    const auto path = parse_path(call[2]);
    const ObjectDefinition* const found =
        path && path->depth == 1 ? definitions.find(path->object(), call[3]) : nullptr;
    if (!found || (call.size() == 4 && found->version != call[3])) {
      call.print("no file defines object ", on_one_line(call[2]), call.size() == 4 ? " " : "",
                 on_one_line(call[3]), "; see ctl lwm2m xml list\n");
      return KEEL_EXIT_ERROR;
    }
    call.print(call.json() ? definition_json(*found) : definition_text(*found));
    return KEEL_EXIT_OK;
  }

  int reload_xml(const CtlCall& call) {
    const keel::Status begun = host_.workers().run(
        [directory = xml_directory(host_.config())] {
          return std::make_shared<LoadedObjects>(load_objects(directory));
        },
        [this, reply = call.reply()](const keel::Result<std::shared_ptr<LoadedObjects>>& loaded) {
          if (!loaded) return reply.fail(concat(loaded.text(), '\n')).ignore();
          host_.shards()
              .post(keel::kControl, [this, reply, objects = *loaded] { take(*objects, reply); })
              .ignore();
        });
    if (begun) return KEEL_EXIT_LATER;
    call.print(begun.text(), '\n');
    return KEEL_EXIT_ERROR;
  }

  void take(const LoadedObjects& objects, const CtlReply& reply) {
    auto devices = std::make_shared<DeviceSettings>(*gateway_.settings()->devices);
    devices->definitions = objects.definitions;
    auto settings = std::make_shared<GatewaySettings>(*gateway_.settings());
    settings->devices = std::move(devices);
    if (const keel::Status applied = gateway_.apply(settings); !applied) {
      return reply.fail(concat(applied.text(), '\n')).ignore();
    }
    std::string text;
    for (const std::string& warning : objects.warnings) {
      host_.log().warning(warning);
      text += on_one_line(warning) + '\n';
    }
    reply.ok(concat(text, objects.definitions->size(), " objects\n")).ignore();
  }

  keel::Host& host_;
  Gateway& gateway_;
  Metrics& metrics_;
};

}  // namespace

keel::Status add_commands(keel::Host& host, Gateway& gateway, Metrics& metrics) {
  const auto commands = std::make_shared<Commands>(host, gateway, metrics);
  return host.ctl().add(
      "lwm2m",
      {{"lwm2m list", "List the LwM2M devices that are registered"},
       {"lwm2m show <Endpoint>", "Show a device"},
       {"lwm2m objects <Endpoint>", "Show the objects of a device"},
       {"lwm2m queue <Endpoint>", "Show the commands that wait for a device"},
       {"lwm2m observations <Endpoint>", "Show what of a device is observed"},
       {"lwm2m read <Endpoint> <Path>", "Read an object, instance or resource, such as /3/0/9"},
       {"lwm2m discover <Endpoint> <Path>", "Show what a device has there"},
       {"lwm2m write <Endpoint> <Path> <Value> [<Type>]", "Write a resource"},
       {"lwm2m exec <Endpoint> <Path> [<Arguments>]", "Execute a resource"},
       {"lwm2m observe <Endpoint> <Path>", "Have a device report changes by MQTT"},
       {"lwm2m cancel <Endpoint> <Path>", "End that"},
       {"lwm2m deregister <Endpoint>", "Forget a device until it registers again"},
       {"lwm2m xml list", "List the definitions of objects"},
       {"lwm2m xml show <Object> [<Version>]", "Show the definition of an object"},
       {"lwm2m xml reload", "Read the object files again"},
       {"lwm2m stats", "Show what was counted since the plugin was loaded"}},
      [commands](CtlCall& call) -> int { return commands->run(call); });
}

}  // namespace lwm2m
