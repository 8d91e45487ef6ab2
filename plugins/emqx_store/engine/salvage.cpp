#include "emqx_store/engine/salvage.hpp"

#include <algorithm>

#include "emqx_store/engine/cut_logs.hpp"
#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/manifest.hpp"
#include "emqx_store/engine/rebuild.hpp"
#include "emqx_store/engine/replace.hpp"
#include "emqx_store/engine/store_files.hpp"
#include "emqx_store/engine/tables.hpp"

namespace emqx_store {
namespace {

std::string examination_path(const std::string& directory) { return directory + "/EXAMINE"; }
// Stands there from before anything is set aside until the store is closed in order.
std::string salvage_mark(const std::string& directory) { return directory + "/SALVAGED"; }

constexpr std::uint8_t kFirstSpace = 0;

rocksdb::Env& env_of(const EngineOptions& options) {
  return options.env != nullptr ? *options.env : *rocksdb::Env::Default();
}

class FileLock {
 public:
  explicit FileLock(rocksdb::Env& env) : env_(env) {}
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() { release(); }
  bool take(const std::string& path) { return env_.LockFile(path, &lock_).ok(); }
  void release() {
    if (lock_ != nullptr) env_.UnlockFile(lock_).PermitUncheckedError();
    lock_ = nullptr;
  }

 private:
  rocksdb::Env& env_;
  rocksdb::FileLock* lock_ = nullptr;
};

class Salvage {
 public:
  Salvage(const EngineOptions& options, const OpenPolicy& policy, SalvageReport& report)
      : options_(options),
        policy_(policy),
        report_(report),
        rocks_(open_options(options)),
        env_(*rocks_.env),
        directory_(options.directory),
        opening_(env_),
        lock_(env_) {}

  Outcome open(std::unique_ptr<Engine>& engine) {
    if (!exists(env_, directory_)) return Engine::open(options_, engine);
    // Two that open the store at once do not get in each other's way between looking and opening.
    if (!opening_.take(directory_ + "/OPENING")) return in_use();
    if (Outcome prepared = prepare(); !prepared) return prepared;
    Outcome opened = open_and_look(engine);
    if (opened || opened.fault() != Fault::damaged || rebuilt_ || !policy_.repair) return opened;
    engine.reset();
    if (!lock_.take(directory_ + "/LOCK")) return in_use();
    Outcome made = make_anew_of(opened.text());
    lock_.release();
    return made ? Engine::open(options_, engine) : made;
  }

 private:
  // What is read first is what the rest depends on: damage in it is met now, while it can be set
  // aside.
  Outcome open_and_look(std::unique_ptr<Engine>& engine) {
    if (Outcome opened = Engine::open(options_, engine); !opened || !policy_.repair) return opened;
    keel_store_query query{};
    query.size = sizeof query;
    query.kind = KEEL_STORE_RANGE;
    query.space = kFirstSpace;
    return engine->read(query).outcome;
  }

  Outcome in_use() {
    std::unique_ptr<Engine> engine;
    Outcome opened = Engine::open(options_, engine);  // names the process
    if (!opened && opened.fault() == Fault::in_use) return opened;
    return {Fault::in_use, "the store in " + directory_ + " is being opened by another process"};
  }

  // Everything that has to be done before RocksDB sees the files.
  Outcome prepare() {
    if (!lock_.take(directory_ + "/LOCK")) return in_use();
    Outcome done = finish_earlier();
    if (done) done = look();
    lock_.release();
    return done;
  }

  Outcome finish_earlier() {
    Replacement replacement;
    if (Outcome read = read_replacement(env_, directory_, replacement); !read) return read;
    using Kind = Replacement::Kind;
    if (replacement.kind == Kind::none) {
      // What was interrupted before it was complete is made again if it is needed.
      if (!policy_.repair) return {};
      if (Outcome gone = remove_directory(env_, directory_ + "/salvaging"); !gone) return gone;
      return policy_.restore ? remove_directory(env_, incoming_directory(directory_)) : Outcome();
    }
    const bool wanted = replacement.kind == Kind::restore ? policy_.restore : policy_.repair;
    if (!wanted && !replacement.begun) return {};
    if (Outcome done = finish_replacement(env_, directory_, replacement); !done) return done;
    report_.folder = directory_ + "/" + replacement.folder;
    report_.restored = replacement.kind == Kind::restore;
    report_.damaged = !report_.restored;
    report_.lines.push_back(report_.restored
                                ? "the store was replaced by the backup in " + replacement.source +
                                      "; what it was before lies in " + report_.folder
                                : "a repair that had been interrupted was finished");
    return {};
  }

  Outcome look() {
    Manifest manifest;
    if (Outcome read = read_manifest(env_, directory_, manifest); !read) return read;
    if (manifest.state == Manifest::State::fresh) return {};
    if (manifest.state == Manifest::State::damaged) {
      if (!policy_.repair) return refuse(manifest.text);
      return make_anew(manifest, {});
    }
    // Without leave to repair it was this very process whose write failed: that is how it ends.
    if (manifest.state == Manifest::State::doubtful && policy_.repair) {
      return make_anew(manifest, {});
    }
    if (manifest.state == Manifest::State::pointer) {
      if (!policy_.repair) return refuse("CURRENT does not name a manifest");
      report_.lines.push_back("CURRENT did not name a manifest, and was written anew");
      Outcome put = write_file(env_, directory_ + "/CURRENT", manifest.name + "\n");
      if (!put) return put;
    }
    if (Outcome cut = look_at_logs(manifest.log_number); !cut) return cut;
    if (policy_.repair && exists(env_, examination_path(directory_))) return examine();
    return {};
  }

  Outcome look_at_logs(std::uint64_t first) {
    LogFindings found;
    std::function<Outcome(std::string&)> folder;
    if (policy_.repair) folder = [this](std::string& path) { return make_folder(path); };
    if (Outcome cut = cut_logs(env_, directory_, first, folder, found); !cut) return cut;
    if (found.damaged && !policy_.repair) return refuse(found.lines.front());
    report_.damaged |= found.damaged;
    report_.lines.insert(report_.lines.end(), found.lines.begin(), found.lines.end());
    return found.damaged ? write_report() : Outcome();
  }

  Outcome examine() {
    std::vector<StoreFile> files;
    if (Outcome listed = list_files(env_, directory_, files); !listed) return listed;
    std::string damage;
    for (const StoreFile& file : files) {
      if (file.kind != FileKind::table || !damage.empty()) continue;
      damage = check_table(rocks_, directory_ + "/" + file.name).text();
    }
    if (!damage.empty()) return make_anew_of(damage);
    return remove_examination();
  }

  Outcome remove_examination() {
    const std::string path = examination_path(directory_);
    if (!exists(env_, path)) return {};
    return outcome_of(env_.DeleteFile(path), "cannot remove " + path);
  }

  Outcome make_anew_of(const std::string& cause) {
    Manifest manifest;
    if (Outcome read = read_manifest(env_, directory_, manifest); !read) return read;
    return make_anew(manifest, cause);
  }

  // `cause`: unless it is the manifest.
  Outcome make_anew(const Manifest& manifest, const std::string& cause) {
    rebuilt_ = true;
    RebuildFindings found;
    if (Outcome made = rebuild(options_, manifest, found); !made) return refuse(made);
    if (Outcome made = make_folder(report_.folder); !made) return made;
    report_.damaged = true;
    if (!cause.empty()) report_.lines.push_back(cause);
    report_.lines.insert(report_.lines.end(), found.lines.begin(), found.lines.end());
    report_.lines.push_back("a new store was made of the " + std::to_string(found.rows) +
                            " rows that could be read");
    if (Outcome written = write_report(); !written) return written;
    const Replacement replacement{.kind = Replacement::Kind::salvage,
                                  .folder = report_.folder.substr(directory_.size() + 1),
                                  .source = "salvage",
                                  .begun = false};
    if (Outcome ready = prepare_replacement(env_, directory_, replacement); !ready) return ready;
    if (Outcome done = finish_replacement(env_, directory_, replacement); !done) return done;
    return remove_examination();
  }

  Outcome make_folder(std::string& path) {
    if (Outcome marked = write_file(env_, salvage_mark(directory_), "damage was set aside\n");
        !marked)
      return marked;
    if (report_.folder.empty() || report_.restored) {
      const std::string name = directory_ + "/damaged-" + time_name(env_);
      report_.folder = name;
      for (int i = 2; exists(env_, report_.folder); ++i) {
        report_.folder = name + "-" + std::to_string(i);
      }
      const auto status = env_.CreateDir(report_.folder);
      if (Outcome made = outcome_of(status, "cannot make " + report_.folder); !made) return made;
    }
    path = report_.folder;
    return {};
  }

  Outcome write_report() {
    std::string text =
        "Found when the store in " + directory_ + " was opened, " + time_name(env_) + " (UTC):\n";
    for (const std::string& line : report_.lines) text += line + "\n";
    return write_file(env_, report_.folder + "/report.txt", text);
  }

  Outcome refuse(const std::string& text) {
    return {Fault::damaged, "the store in " + directory_ + " is damaged (" + text + ")"};
  }
  Outcome refuse(const Outcome& cause) {
    if (cause.fault() == Fault::no_space) return cause;
    return {cause.fault(),
            cause.text() + "; the store is left as it is. Copy " + directory_ +
                " to another place; to go on without it move it away, start with an empty store, "
                "and bring a backup back with 'ctl store restore' if there is one"};
  }

  const EngineOptions& options_;
  const OpenPolicy& policy_;
  SalvageReport& report_;
  const rocksdb::Options rocks_;
  rocksdb::Env& env_;
  const std::string directory_;
  FileLock opening_, lock_;
  bool rebuilt_ = false;
};

}  // namespace

Outcome open_store(const EngineOptions& options, const OpenPolicy& policy,
                   std::unique_ptr<Engine>& engine, SalvageReport& report) {
  report = {};
  const Outcome opened = Salvage(options, policy, report).open(engine);
  report.incomplete = exists(env_of(options), salvage_mark(options.directory));
  return opened;
}

void forget_salvage(const EngineOptions& options) {
  env_of(options).DeleteFile(salvage_mark(options.directory)).PermitUncheckedError();
}

Outcome request_examination(const EngineOptions& options) {
  return write_file(env_of(options), examination_path(options.directory),
                    "damage was met in a table\n");
}

}  // namespace emqx_store
