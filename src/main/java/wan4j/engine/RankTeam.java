package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.IntFunction;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.EngineOptions.Recording;
import wan4j.Ranks;
import wan4j.ops.Ops;
import wan4j.parallel.JobEnvironment;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankLayout;
import wan4j.pipeline.SamplingPlan;
import wan4j.tensor.InputException;

/// The ranks that make videos together: each with a backend and networks of its own, all doing the
/// same work at the same time. What depends on one rank alone, such as whether a request is
/// cancelled, is decided by the first for all. One rank works on the calling thread, as if there
/// were no team.
public final class RankTeam implements AutoCloseable {
  private final EngineOptions options;
  private final List<Networks> networks; // of each rank
  private Meeting meeting; // null before the first work, and after one that failed
  private List<RankLinks> links = List.of();
  private final AtomicReference<RankThreads> present = new AtomicReference<>(); // or the last
  private boolean isLost;

  private RankTeam(EngineOptions options, List<Networks> networks) {
    this.options = options;
    this.networks = networks;
  }

  /// Opens a checkpoint on the devices of `options`; throws `InputException` when it or one of them
  /// cannot be used.
  public static RankTeam open(EngineOptions options) {
    Ranks ranks = options.ranks();
    if (ranks.isAlone() && ranks.firstGpu() == Ranks.ANY_GPU) {
      return new RankTeam(options, List.of(Networks.open(options)));
    }
    if (!ranks.isAlone() && options.recording() == Recording.ALWAYS) {
      throw new InputException(
          "--compile was given with %d GPUs, whose forwards are not recorded; leave it out"
              .formatted(ranks.count()));
    }
    Recording recording = ranks.isAlone() ? options.recording() : Recording.NEVER;
    List<Function<Device, Ops>> backends = Backends.ofRanks(options);
    return open(
        options, rank -> device -> Backends.recording(backends.get(rank).apply(device), recording));
  }

  /// Throws `InputException` when a launcher has started this process as one of several, by the
  /// variables that it sets: each would make the same video.
  public static void requireOneProcess(Map<String, String> variables) {
    JobEnvironment job = JobEnvironment.of(variables);
    if (job != null && job.ranks() > 1) {
      throw new InputException(
          "RANK and WORLD_SIZE say that this process is %d of %d, but one process uses all GPUs of a machine; start wan4j once, without a launcher, with --gpus"
              .formatted(job.rank(), job.ranks()));
    }
  }

  /// Opens a checkpoint for backends that `backends` opens for each rank.
  public static RankTeam open(EngineOptions options, IntFunction<Function<Device, Ops>> backends) {
    int ranks = options.ranks().count();
    List<Networks> opened = new ArrayList<>();
    try (Unwinding all = new Unwinding()) {
      for (int rank = 0; rank < ranks; rank++) {
        opened.add(all.add(Networks.open(options, backends.apply(rank))));
      }
      all.keep();
    }
    return new RankTeam(options, List.copyOf(opened));
  }

  /// Returns the first rank's networks, which tell what all have in common.
  public Networks first() {
    return networks.getFirst();
  }

  /// Returns how the ranks divide requests of a plan; throws `InputException` where they cannot.
  public RankLayout layout(SamplingPlan plan) {
    return layout(options.ranks(), first().experts().config().heads(), plan.isGuided());
  }

  /// Returns how ranks divide requests that are guided or not for a model of so many heads; throws
  /// `InputException` where they cannot.
  public static RankLayout layout(Ranks ranks, int heads, boolean isGuided) {
    return ranks.isAlone()
        ? RankLayout.ALONE
        : RankLayout.of(
            new RankLayout.Wish(ranks.count(), ranks.sequence(), ranks.guidance()),
            heads,
            isGuided);
  }

  /// Has every rank do a piece of work at the same time, each through its own networks, and returns
  /// what the first one's gives. The first failure ends the work of all and is thrown: the first
  /// rank's as it is, another's as an `InputException` or a `RankException` that names the rank.
  public <T> T together(Function<Networks, T> work) {
    if (networks.size() == 1) {
      first().claim();
      return work.apply(first());
    }
    if (isLost) {
      throw new IllegalStateException(
          "a rank of the engine had to be interrupted; open another engine");
    }
    if (meeting == null) {
      meet();
    }
    AtomicReference<RankThreads.Outcome> outcome = new AtomicReference<>();
    RankThreads threads = new RankThreads(meeting);
    present.set(threads);
    T made =
        threads.run(
            rank -> {
              Networks own = networks.get(rank);
              own.claim();
              own.link(links.get(rank));
              return work.apply(own);
            },
            outcome);
    if (outcome.get() != null) {
      isLost = !outcome.get().areWhole();
      part();
      outcome.get().rethrow();
    }
    return made;
  }

  private void meet() {
    Ranks ranks = options.ranks();
    Meeting begun = new LocalMeeting(ranks.count(), ranks.timeout());
    begun.onFailure(failure -> present.get().failed(failure));
    List<RankLinks> all = new ArrayList<>();
    for (int rank = 0; rank < ranks.count(); rank++) {
      all.add(RankLinks.of(networks.get(rank).ops(), begun, rank, ranks));
    }
    links = List.copyOf(all);
    meeting = begun;
  }

  /// Gives up the links, since a failure has left them somewhere within an exchange.
  private void part() {
    meeting = null;
    if (!isLost) {
      try (Unwinding all = new Unwinding()) {
        for (int rank = 0; rank < links.size(); rank++) {
          Networks own = networks.get(rank);
          all.then(() -> {
            own.claim();
            own.dropShards();
          });
        }
      }
      try (Unwinding all = new Unwinding()) {
        for (int rank = 0; rank < links.size(); rank++) {
          Networks own = networks.get(rank);
          RankLinks old = links.get(rank);
          all.then(() -> {
            own.claim();
            own.link(RankLinks.ALONE);
            old.close();
          });
        }
      }
    }
    links = List.of();
  }

  /// Returns the largest number of bytes that were in use at once on one rank's device.
  public long peakBytes() {
    return networks.stream().mapToLong(own -> own.ops().peakBytes()).max().orElse(0);
  }

  /// Frees the networks and closes backends and files; what a rank that never came back uses is
  /// left to the end of the process.
  @Override
  public void close() {
    if (isLost) {
      return;
    }
    try (Unwinding all = new Unwinding()) {
      networks.forEach(all::add);
      all.then(this::part);
    }
  }
}
