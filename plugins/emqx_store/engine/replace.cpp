#include "emqx_store/engine/replace.hpp"

#include <sstream>
#include <string_view>
#include <vector>

#include "emqx_store/engine/store_files.hpp"

namespace emqx_store {
namespace {

std::string note_path(const std::string& directory) { return directory + "/REPLACEMENT"; }

std::string note_text(const Replacement& replacement) {
  return std::string(replacement.kind == Replacement::Kind::restore ? "restore" : "salvage") +
         "\n" + (replacement.begun ? "moving in" : "moving out") + "\n" + replacement.folder +
         "\n" + replacement.source + "\n";
}

Outcome move_file(rocksdb::Env& env, const std::string& from, const std::string& to) {
  return outcome_of(env.RenameFile(from, to), "cannot move " + from);
}

bool of_store(const StoreFile& file) { return file.kind != FileKind::other; }

// All files of a store; CURRENT last, without which nobody takes the others for a store.
Outcome move_files(rocksdb::Env& env, const std::string& from, const std::string& to,
                   const std::vector<StoreFile>& files) {
  for (const bool current : {false, true}) {
    for (const StoreFile& file : files) {
      if (!of_store(file) || (file.kind == FileKind::current) != current) continue;
      Outcome moved = move_file(env, from + "/" + file.name, to + "/" + file.name);
      if (!moved) return moved;
    }
  }
  if (Outcome synced = sync_directory(env, to); !synced) return synced;
  return sync_directory(env, from);
}

Outcome move_out(rocksdb::Env& env, const std::string& directory, Replacement replacement) {
  const std::string folder = directory + "/" + replacement.folder;
  if (Outcome made = outcome_of(env.CreateDirIfMissing(folder), "cannot make " + folder); !made) {
    return made;
  }
  std::vector<StoreFile> files;
  if (Outcome listed = list_files(env, directory, files); !listed) return listed;
  if (Outcome moved = move_files(env, directory, folder, files); !moved) return moved;
  replacement.begun = true;
  return write_file(env, note_path(directory), note_text(replacement));
}

}  // namespace

std::string incoming_directory(const std::string& directory) { return directory + "/incoming"; }

Outcome read_replacement(rocksdb::Env& env, const std::string& directory, Replacement& out) {
  out = {};
  const std::string path = note_path(directory);
  if (!exists(env, path)) return {};
  std::string text, kind, phase;
  if (Outcome read = read_file(env, path, text); !read) return read;
  std::istringstream lines(text);
  std::getline(lines, kind);
  std::getline(lines, phase);
  std::getline(lines, out.folder);
  std::getline(lines, out.source);
  out.begun = phase == "moving in";
  out.kind = kind == "restore" ? Replacement::Kind::restore : Replacement::Kind::salvage;
  // A folder of this place alone; anything else was not written by note_text().
  if (note_text(out) != text || out.folder.empty() || out.folder.front() == '.' ||
      out.folder.find('/') != std::string::npos) {
    out = {};
    return {Fault::damaged, path +
                                " makes no sense; it was written while the store was being "
                                "replaced: move the right files to " +
                                directory +
                                ", from 'incoming' or from the latest folder there, remove it"};
  }
  return {};
}

Outcome prepare_replacement(rocksdb::Env& env, const std::string& directory,
                            const Replacement& replacement) {
  if (Outcome synced = sync_directory(env, incoming_directory(directory)); !synced) return synced;
  return write_file(env, note_path(directory), note_text(replacement));
}

Outcome finish_replacement(rocksdb::Env& env, const std::string& directory,
                           const Replacement& replacement) {
  if (!replacement.begun) {
    if (Outcome moved = move_out(env, directory, replacement); !moved) return moved;
  }
  const std::string incoming = incoming_directory(directory);
  std::vector<StoreFile> files;
  if (Outcome listed = list_files(env, incoming, files); !listed) return listed;
  if (exists(env, incoming)) {
    if (Outcome moved = move_files(env, incoming, directory, files); !moved) return moved;
  }
  if (Outcome gone = remove_directory(env, incoming); !gone) return gone;
  const std::string note = note_path(directory);
  Outcome removed = outcome_of(env.DeleteFile(note), "cannot remove " + note);
  return removed ? sync_directory(env, directory) : removed;
}

Outcome cancel_replacement(rocksdb::Env& env, const std::string& directory) {
  Replacement replacement;
  if (Outcome read = read_replacement(env, directory, replacement); !read) return read;
  if (replacement.begun) return {Fault::io, "it has begun, and will be finished"};
  const std::string note = note_path(directory);
  if (replacement.kind != Replacement::Kind::none) {
    if (Outcome removed = outcome_of(env.DeleteFile(note), "cannot remove " + note); !removed) {
      return removed;
    }
    if (Outcome synced = sync_directory(env, directory); !synced) return synced;
  }
  return remove_directory(env, incoming_directory(directory));
}

}  // namespace emqx_store
