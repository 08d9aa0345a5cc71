package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.EngineOptions.Recording;
import wan4j.Ranks;
import wan4j.ops.Ops;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankLayout;
import wan4j.pipeline.SamplingPlan;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// The ranks that make videos together: each with a backend and networks of its own, all doing the
/// same work at the same time. What depends on one rank alone, such as how memory is planned, is
/// decided by the first for all. They are threads of this process, or the processes of a [Job], of
/// which each has a team in which its own rank works on the calling thread. One rank works there as
/// if there were no team.
public final class RankTeam implements AutoCloseable {
  private final EngineOptions options;
  private final List<Networks> networks; // of each rank, or of this process's alone
  private final Job job; // whose processes are the ranks; null where they are threads
  private Meeting meeting; // null before the first work, and after one that failed
  private List<RankLinks> links = List.of();
  private final AtomicReference<RankThreads> present = new AtomicReference<>(); // or the last
  private boolean isLost;

  private RankTeam(EngineOptions options, List<Networks> networks, Job job) {
    this.options = options;
    this.networks = networks;
    this.job = job;
  }

  /// Opens a checkpoint on the devices of `options`; throws `InputException` when it or one of them
  /// cannot be used.
  public static RankTeam open(EngineOptions options) {
    Ranks ranks = options.ranks();
    Job job = Job.present();
    if (job == null && ranks.isAlone() && ranks.firstGpu() == Ranks.ANY_GPU) {
      return new RankTeam(options, List.of(Networks.open(options)), null);
    }
    if (!ranks.isAlone() && options.recording() == Recording.ALWAYS) {
      throw new InputException(
          "--compile was given with %d GPUs, whose forwards are not recorded; leave it out"
              .formatted(ranks.count()));
    }
    Recording recording = ranks.isAlone() ? options.recording() : Recording.NEVER;
    if (job != null) {
      return ofJob(
          options,
          job,
          device ->
              Backends.recording(
                  Backends.ofJob(ranks, options.arithmetic(), job, device), recording));
    }
    List<Function<Device, Ops>> backends =
        Backends.ofRanks(options.device(), options.arithmetic(), ranks);
    return open(
        options, rank -> device -> Backends.recording(backends.get(rank).apply(device), recording));
  }

  private static RankTeam ofJob(EngineOptions options, Job job, Function<Device, Ops> backends) {
    if (options.ranks().count() != job.ranks()) {
      throw new IllegalArgumentException(
          "%d ranks for %d processes".formatted(options.ranks().count(), job.ranks()));
    }
    return new RankTeam(options, List.of(Networks.open(options, backends)), job);
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
    return new RankTeam(options, List.copyOf(opened), null);
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
    if (job != null) {
      return job.member().part(() -> ofProcess(work));
    }
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

  private <T> T ofProcess(Function<Networks, T> work) {
    Networks own = first();
    own.claim();
    if (links.isEmpty()) {
      links = List.of(RankLinks.of(own.ops(), job, options.ranks()));
    }
    own.link(links.getFirst());
    return work.apply(own);
  }

  /// Returns what the first rank's caller reads for all, a host tensor or null.
  public Tensor ofFirst(Supplier<Tensor> work) {
    return job == null ? work.get() : together(_ -> job.host().ofFirst(work));
  }

  /// Throws `InputException` where a process of a job was given another request than the first; a
  /// description is by the names of flags.
  public void requireSame(Supplier<Map<String, String>> description) {
    if (job != null) {
      var _ = together(_ -> job.requireSame(description.get()));
    }
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

  /// Returns the largest number of bytes that were in use at once on one rank's device; all
  /// processes of a job ask together.
  public long peakBytes() {
    long own = peakOfOwn();
    return job == null
        ? own
        : together(_ -> job.host().all(own).stream().mapToLong(peak -> peak[0]).max().orElse(own));
  }

  private long peakOfOwn() {
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
