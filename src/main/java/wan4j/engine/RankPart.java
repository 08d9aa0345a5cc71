package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.parallel.ChosenGroup;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.parallel.RankLayout;
import wan4j.parallel.UlyssesGroup;
import wan4j.pipeline.RunRanks;
import wan4j.tensor.Tensor;

/// One rank's part in networks that are not an engine's, such as those of reference cases.
public final class RankPart {
  /// One rank, which does everything.
  public static final RankPart ALONE = new RankPart(null, Ranks.ALONE, RankLinks.ALONE);

  private final Ops ops;
  private final Ranks ranks;
  private final RankLinks links;

  private RankPart(Ops ops, Ranks ranks, RankLinks links) {
    this.ops = ops;
    this.ranks = ranks;
    this.links = links;
  }

  /// How a request is divided.
  ///
  /// @param group of the transformers' tokens
  /// @param ranks of the branches of guidance
  /// @param all the exchange of the autoencoder, or null for one rank
  public record Division(SequenceGroup group, RunRanks ranks, Collectives all) {}

  /// Opens a backend for each rank and has all do the same work at the same time: threads, or the
  /// processes of the [Job] at work. Throws `InputException` when this machine has too few GPUs,
  /// and the first failure of a rank.
  public static void together(
      Device device, Arithmetic arithmetic, Ranks ranks, Consumer<RankPart> work) {
    Job job = Job.present();
    try (Unwinding opened = new Unwinding()) {
      if (job != null) {
        Ops ops = opened.add(Backends.ofJob(ranks, arithmetic, job, device));
        var _ =
            job.member()
                .part(() -> done(new RankPart(ops, ranks, RankLinks.of(ops, job, ranks)), work));
        return;
      }
      List<Ops> backends = new ArrayList<>();
      for (Function<Device, Ops> each : Backends.ofRanks(device, arithmetic, ranks)) {
        backends.add(opened.add(each.apply(device)));
      }
      try {
        Meeting meeting = new LocalMeeting(ranks.count(), ranks.timeout());
        var _ =
            RankThreads.together(
                meeting,
                rank -> {
                  Ops ops = backends.get(rank);
                  ops.claim();
                  RankLinks links = RankLinks.of(ops, meeting, rank, ranks);
                  return done(new RankPart(ops, ranks, links), work);
                });
      } finally {
        backends.forEach(Ops::claim); // to close them here
      }
    }
  }

  private static boolean done(RankPart part, Consumer<RankPart> work) {
    try (RankLinks _ = part.links) {
      work.accept(part);
    }
    return true;
  }

  /// Returns the rank's backend.
  public Ops ops() {
    return ops;
  }

  /// Returns how many ranks there are.
  public int ranks() {
    return ranks.count();
  }

  /// Says whether this rank tells for all.
  public boolean isFirst() {
    return links.host().isFirst();
  }

  /// Says whether all ranks can share a forward of a model of so many heads.
  public boolean divides(int heads) {
    return heads % ranks() == 0;
  }

  /// Returns the group of all ranks, which share each forward.
  public SequenceGroup group() {
    return group(links.all());
  }

  private static SequenceGroup group(Collectives sequence) {
    return sequence == null ? SequenceGroup.SOLO : new UlyssesGroup(sequence, SequenceGroup.SOLO);
  }

  /// Returns the exchange of the autoencoder, or null for one rank.
  public Collectives all() {
    return links.all();
  }

  /// Returns the sum of what each rank made of a video of zeros, float32, on the first rank; on
  /// others, their own.
  public Tensor whole(Tensor own) {
    List<List<Tensor>> all = links.host().toFirst(List.of(own));
    if (all.size() < 2) {
      return own;
    }
    float[] sum = own.toFloats();
    for (List<Tensor> other : all.subList(1, all.size())) {
      float[] values = other.getFirst().toFloats();
      for (int i = 0; i < sum.length; i++) {
        sum[i] += values[i];
      }
    }
    return Tensor.of(sum, own.shape().toArray());
  }

  /// Says whether ranks can divide requests of a model of so many heads.
  public boolean dividesRequests(int heads, boolean isGuided) {
    return divides(heads) || (isGuided && ranks() % 2 == 0 && heads % (ranks() / 2) == 0);
  }

  /// Returns how ranks divide requests, as an engine does; throws `InputException` where they
  /// cannot.
  public Division division(int heads, boolean isGuided) {
    RankLayout layout = RankTeam.layout(ranks, heads, isGuided);
    ChosenGroup group = new ChosenGroup(SequenceGroup.SOLO);
    RunRanks divided = links.divide(layout, heads, group, SequenceGroup.SOLO);
    return new Division(group, divided, links.all());
  }

  /// Returns the layout of requests in words, such as "2 x 1": branches of guidance times the ranks
  /// that share a forward.
  public String layout(int heads, boolean isGuided) {
    RankLayout layout = RankTeam.layout(ranks, heads, isGuided);
    return "%d x %d".formatted(layout.branches(), layout.sequence());
  }
}
