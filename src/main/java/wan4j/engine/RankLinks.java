package wan4j.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import wan4j.Ranks;
import wan4j.cuda.CudaOps;
import wan4j.cuda.NcclCollectives;
import wan4j.cuda.PeerCollectives;
import wan4j.cuda.bind.Nccl;
import wan4j.ops.Collectives;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.parallel.ChosenGroup;
import wan4j.parallel.ImaginedRanks;
import wan4j.parallel.ImaginedSharing;
import wan4j.parallel.LocalCollectives;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.parallel.MeetingExchange;
import wan4j.parallel.MeetingSharing;
import wan4j.parallel.ProcessMeeting;
import wan4j.parallel.RankLayout;
import wan4j.parallel.SocketCollectives;
import wan4j.parallel.UlyssesGroup;
import wan4j.pipeline.RunRanks;

/// How a rank reaches the others: in host memory, and through its backend with a communicator for
/// each set of ranks that a request needs, which is made when it is first needed. All ranks ask for
/// the same sets in the same order.
public final class RankLinks implements AutoCloseable {
  private static final Duration MARGIN = Duration.ofSeconds(5);

  /// One rank, which reaches nobody.
  static final RankLinks ALONE =
      new RankLinks(0, 1, HostExchange.ALONE, _ -> null, true, (_, _) -> WeightSharing.NONE);

  private final int rank;
  private final int ranks;
  private final HostExchange host;
  private final Function<List<Integer>, Collectives> joining;
  private final Map<List<Integer>, Collectives> joined = new HashMap<>();
  private final boolean sharesMemory;
  private final BiFunction<Boolean, Consumer<Runnable>, WeightSharing> sharing;
  private final List<Runnable> kept = new ArrayList<>(); // what frees memory that others may read
  private boolean frees; // at once

  private RankLinks(
      int rank,
      int ranks,
      HostExchange host,
      Function<List<Integer>, Collectives> joining,
      boolean sharesMemory,
      BiFunction<Boolean, Consumer<Runnable>, WeightSharing> sharing) {
    this.rank = rank;
    this.ranks = ranks;
    this.host = host;
    this.joining = joining;
    this.sharesMemory = sharesMemory;
    this.sharing = sharing;
  }

  /// Returns how a rank reaches those that meet: through NCCL where each has a GPU of its own, else
  /// by copies of memory that all can read.
  public static RankLinks of(Ops ops, Meeting meeting, int rank, Ranks ranks) {
    boolean hasOwnGpu = ops instanceof CudaOps && !ranks.sharesGpu();
    return new RankLinks(
        rank,
        meeting.ranks(),
        new MeetingExchange(meeting, rank, ranks.timeout()),
        members -> {
          Meeting own = meeting.among(members);
          int number = members.indexOf(rank);
          Collectives collectives =
              hasOwnGpu
                  ? joined((CudaOps) ops, own, number, ranks.timeout())
                  : new LocalCollectives(ops, own, number);
          return ranks.overlapsExchange()
                  && meeting instanceof LocalMeeting
                  && ops instanceof CudaOps gpu
              ? beside(gpu, collectives, new MeetingExchange(own, number, ranks.timeout()), ranks)
              : collectives;
        },
        meeting instanceof LocalMeeting,
        (isSharded, release) ->
            meeting instanceof LocalMeeting local
                ? new MeetingSharing(local.loading(), rank, isSharded, release)
                : WeightSharing.NONE); // processes cannot read each other's memory
  }

  private static Collectives beside(
      CudaOps ops, Collectives collectives, HostExchange host, Ranks ranks) {
    PeerCollectives peers = ops.beside(collectives, host);
    peers.watch(ranks.timeout().plus(MARGIN));
    return peers;
  }

  /// Returns how this process's rank reaches those of its job: through NCCL where each has a GPU of
  /// its own, else by way of host memory and the job's connections.
  static RankLinks of(Ops ops, Job job, Ranks ranks) {
    ProcessMeeting meeting = job.member().meeting();
    boolean hasOwnGpu = ops instanceof CudaOps && !ranks.sharesGpu();
    return new RankLinks(
        job.rank(),
        job.ranks(),
        job.host(),
        members ->
            hasOwnGpu
                ? joined(
                    (CudaOps) ops,
                    meeting.among(members),
                    members.indexOf(job.rank()),
                    ranks.timeout())
                : new SocketCollectives(ops, meeting, members),
        false,
        (_, _) -> WeightSharing.NONE); // processes cannot read each other's memory
  }

  private static Collectives joined(CudaOps ops, Meeting meeting, int rank, Duration limit) {
    byte[] name = rank == 0 ? Nccl.uniqueId() : new byte[0];
    byte[] first = meeting.meet(rank, byte[].class, name).getFirst();
    NcclCollectives joined =
        ops.join(first, meeting.ranks(), rank, cause -> meeting.fail(rank, cause));
    joined.watch(limit.plus(MARGIN)); // a rank that does not come has been named before
    meeting.onFailure(
        _ -> Thread.ofPlatform().daemon().name("ends an exchange").start(joined::abort));
    return joined;
  }

  /// Returns how the first of ranks would reach the others if they were there.
  public static RankLinks imagined(Ranks ranks) {
    return ranks.isAlone()
        ? ALONE
        : new RankLinks(
            0,
            ranks.count(),
            HostExchange.ALONE,
            members -> new ImaginedRanks(0, members.size(), ranks.overlapsExchange()),
            true,
            (isSharded, _) -> new ImaginedSharing(ranks.count(), isSharded));
  }

  /// Returns the exchange in host memory.
  public HostExchange host() {
    return host;
  }

  /// Returns the exchange between all ranks, or null for one.
  public Collectives all() {
    return of(IntStream.range(0, ranks).boxed().toList());
  }

  /// Divides the forwards of a network of so many heads in a layout: `group` becomes this rank's,
  /// whose attention is `alone`'s. Returns how the sampling loop is divided.
  public RunRanks divide(RankLayout layout, int heads, ChosenGroup group, SequenceGroup alone) {
    SequenceGroup own = among(layout.sequenceOf(rank), alone);
    Collectives pair = of(layout.branchesOf(rank));
    RankLayout joined = layout.joined(heads);
    SequenceGroup all = joined == null ? null : among(joined.sequenceOf(rank), alone);
    group.choose(own);
    return new RunRanks(
        host, pair, all == null ? null : areTogether -> group.choose(areTogether ? all : own));
  }

  private SequenceGroup among(List<Integer> members, SequenceGroup alone) {
    Collectives others = of(members);
    return others == null ? alone : new UlyssesGroup(others, alone);
  }

  /// Says whether ranks can read each other's memory, as those of one process can.
  boolean shareMemory() {
    return sharesMemory;
  }

  /// Returns how all ranks share the weights of a network that they load now: each reads a part,
  /// and keeps only that of the blocks where they are sharded. What others may still read when its
  /// network closes is freed with these links, or at once by [#closeTogether].
  public WeightSharing sharing(boolean isSharded) {
    return sharing.apply(isSharded, this::release);
  }

  private void release(Runnable free) {
    if (frees) {
      free.run();
    } else {
      kept.add(free);
    }
  }

  /// Closes networks on all ranks at once: `rest` waits until this rank copies nothing, and when
  /// all have done so, `close` frees what others copied from.
  public void closeTogether(Runnable rest, Runnable close) {
    rest.run();
    var _ = host.all();
    boolean before = frees;
    frees = true;
    try {
      close.run();
    } finally {
      frees = before;
    }
  }

  private Collectives of(List<Integer> members) {
    if (members.size() == 1) {
      return null;
    }
    Collectives known = joined.get(members);
    if (known == null) {
      known = joining.apply(members); // which waits for the others
      joined.put(members, known);
    }
    return known;
  }

  @Override
  public void close() {
    try (Unwinding all = new Unwinding()) {
      joined.values().forEach(all::add);
      joined.clear();
      kept.forEach(all::then);
      kept.clear();
      frees = true;
    }
  }
}
