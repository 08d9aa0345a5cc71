package wan4j.engine;

import wan4j.EngineOptions;
import wan4j.Offload;
import wan4j.Progress;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.pipeline.Course;
import wan4j.pipeline.CourseRun;
import wan4j.pipeline.RunRecord;

/// What one rank does of a request beside its networks' work: it plans its memory with the others,
/// and listens and records as the first one does for all.
///
/// @param networks the rank's own
/// @param options how the engine is set up
/// @param reporter who is told of the request, by the first rank
public record RankWork(Networks networks, EngineOptions options, CourseReporter reporter) {
  private HostExchange host() {
    return networks.ranks().host();
  }

  /// Returns the rank's way through a course.
  public CourseRun run(Course course) {
    return new CourseRun(course, networks, RankListener.of(reporter, host()));
  }

  /// Returns the rank's part in a record that the first rank keeps.
  public RunRecord record(RunRecord kept) {
    return RankRecord.of(kept, host(), options.ranks().count());
  }

  /// Reserves the memory of work, found out on shapes alone before anything is loaded, planned so
  /// that it fits, on the rank with the least memory too; throws `InputException` with the numbers
  /// when it does not fit the device at all.
  public void reserve(MemoryPlan.Needs needs) {
    Ops ops = networks.ops();
    if (!Backends.reserves(ops)) {
      return;
    }
    long available =
        host().all(Backends.availableBytes(ops)).stream()
            .mapToLong(bytes -> bytes[0])
            .min()
            .orElseThrow();
    MemoryPlan chosen =
        MemoryPlan.of(
            host()
                .numbersOfFirst(() ->
                    MemoryPlan.fitting(available, options.offload(), networks.shardChoices(), needs)
                        .numbers()));
    networks.follow(chosen);
    if (host().isFirst()) {
      tell(chosen, available);
    }
    Backends.reserve(ops, chosen.need());
  }

  private void tell(MemoryPlan chosen, long available) {
    Progress progress = reporter.progress();
    if (options.offload() == Offload.WHERE_NEEDED) {
      progress.says(chosen.sentence(available));
    }
    if (!networks.shardChoices().equals(Shards.choices(options))
        && options.ranks().shards().isAsked()) {
      progress.says(
          "--dit_fsdp and --t5_fsdp: ranks that are processes hold whole what they use; one process"
              + " with --gpus divides it among its GPUs");
    }
    if (chosen.shards().areAny()) {
      progress.says(chosen.shards().sentence(options.ranks().count()));
    }
    if (chosen.isCutSmaller()) {
      progress.says(
          "memory is short, so the autoencoder works in smaller pieces than usual: the last bits of"
              + " the video may be others than with more of it");
    }
  }
}
