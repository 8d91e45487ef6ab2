#include "emqx_store/engine/probe.hpp"

#include <memory>

namespace emqx_store {
namespace {

constexpr std::size_t kProbeBytes = 1 << 20;

rocksdb::Status write_probe(rocksdb::Env& env, const std::string& path) {
  std::unique_ptr<rocksdb::WritableFile> file;
  auto status = env.NewWritableFile(path, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Append(std::string(kProbeBytes, 'p'));
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  return status;
}

}  // namespace

Outcome probe_disk(rocksdb::Env& env, const std::string& directory) {
  const std::string path = directory + "/probe";
  const auto status = write_probe(env, path);
  env.DeleteFile(path).PermitUncheckedError();
  return outcome_of(status, "cannot write");
}

}  // namespace emqx_store
