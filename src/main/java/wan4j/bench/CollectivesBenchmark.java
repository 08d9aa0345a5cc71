package wan4j.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.Rates;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.Nccl;
import wan4j.engine.RankThreads;
import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.parallel.LocalCollectives;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// What ranks exchange, each exchange alone: through NCCL where each has a GPU of its own, by
/// copies where they share one or are threads of a processor. A time is the longest of all ranks'.
public final class CollectivesBenchmark {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int BATCH = 8; // exchanges that one run times together
  private static final double MEGA = 1e6;

  /// A statistic of 40 heads of 128 in float32.
  private static final int STATISTICS = 5120;

  private final Settings settings;
  private final Workbench.Settings bench;

  private CollectivesBenchmark(Workbench.Settings bench, Settings settings) {
    this.bench = bench;
    this.settings = settings;
  }

  /// What is exchanged by whom.
  ///
  /// @param ranks how many ranks there are
  /// @param sharesGpu whether all use one GPU
  /// @param allToAll megabytes of each rank in all-to-all exchanges
  /// @param allGather megabytes of each rank in gathering
  /// @param shift megabytes of each rank in shifts to the next rank
  public record Settings(
      int ranks,
      boolean sharesGpu,
      List<Double> allToAll,
      List<Double> allGather,
      List<Double> shift) {
    /// What 75,600 tokens of a 14B transformer exchange among 8 ranks (queries, keys and values in
    /// 8 bits by groups of heads) to 2 ranks (in bf16), a block's weights sharded over 2 ranks, and
    /// the frames that a 720P convolution keeps, at the latents' and at full size.
    public static Settings usual(int ranks, boolean sharesGpu) {
      return new Settings(
          ranks,
          sharesGpu,
          List.of(12.0, 97.0, 290.0, 580.0),
          List.of(175.0),
          List.of(22.0, 354.0));
    }

    private Ranks division() {
      return sharesGpu ? Ranks.of(ranks).sharing() : Ranks.of(ranks);
    }

    /// Returns the same in other sizes.
    public Settings scaled(double factor) {
      return new Settings(
          ranks,
          sharesGpu,
          scaled(allToAll, factor),
          scaled(allGather, factor),
          scaled(shift, factor));
    }

    private static List<Double> scaled(List<Double> sizes, double factor) {
      return sizes.stream().map(size -> size * factor).toList();
    }
  }

  /// Measures every exchange; throws `InputException` when there are too few GPUs.
  public static List<Measurement> run(Workbench.Settings bench, Settings settings) {
    if (settings.ranks < 1) {
      throw new InputException("--gpus got %d; give 1 or more".formatted(settings.ranks));
    }
    BenchRanks.require(bench.device(), settings.division());
    return new CollectivesBenchmark(bench, settings).run();
  }

  private List<Measurement> run() {
    LocalMeeting meeting = new LocalMeeting(settings.ranks, LIMIT);
    return RankThreads.together(meeting, rank -> ofRank(meeting, rank));
  }

  private List<Measurement> ofRank(Meeting meeting, int rank) {
    try (Ops ops = BenchRanks.open(bench, settings.division(), rank);
        Collectives collectives = collectives(ops, meeting, rank)) {
      return new Rank(ops, collectives, meeting).measureAll();
    }
  }

  private Collectives collectives(Ops ops, Meeting meeting, int rank) {
    if (bench.device() == Device.CPU || settings.sharesGpu) {
      return new LocalCollectives(ops, meeting, rank);
    }
    byte[] name = rank == 0 ? Nccl.uniqueId() : new byte[0];
    byte[] first = meeting.meet(rank, byte[].class, name).getFirst();
    return ((CudaOps) ops).join(first, meeting.ranks(), rank, cause -> meeting.fail(rank, cause));
  }

  /// The exchanges of one rank; all ranks do the same in the same order.
  private final class Rank {
    private final Ops ops;
    private final Collectives collectives;
    private final RankClock clock;
    private final int ranks;
    private final List<Measurement> results = new ArrayList<>();

    Rank(Ops ops, Collectives collectives, Meeting meeting) {
      this.ops = ops;
      this.collectives = collectives;
      clock = new RankClock(ops, meeting, collectives.rank());
      ranks = collectives.ranks();
    }

    List<Measurement> measureAll() {
      for (double megabytes : settings.allToAll) {
        try (var _ = ops.scope()) {
          List<Tensor> sources = parts(megabytes);
          List<Tensor> targets = parts(megabytes);
          measure("all-to-all", megabytes, () -> collectives.allToAll(sources, targets));
        }
      }
      for (double megabytes : settings.allGather) {
        try (var _ = ops.scope()) {
          Tensor source = bytes(megabytes * MEGA);
          List<Tensor> targets =
              IntStream.range(0, ranks).mapToObj(_ -> bytes(megabytes * MEGA)).toList();
          measure("all-gather", megabytes, () -> collectives.allGather(source, targets));
        }
      }
      for (double megabytes : settings.shift) {
        try (var _ = ops.scope()) {
          Tensor source = bytes(megabytes * MEGA);
          Tensor target = bytes(megabytes * MEGA);
          measure("shift", megabytes, () -> collectives.shift(source, target));
        }
      }
      try (var _ = ops.scope()) {
        Tensor values = ops.empty(DType.F32, STATISTICS);
        measure(
            "reduce",
            STATISTICS * Float.BYTES / MEGA,
            () -> collectives.reduce(SequenceGroup.Reduction.MAXIMUM, values));
      }
      return results;
    }

    private List<Tensor> parts(double megabytes) {
      return IntStream.range(0, ranks).mapToObj(_ -> bytes(megabytes * MEGA / ranks)).toList();
    }

    private Tensor bytes(double count) {
      return ops.empty(DType.BF16, Math.max(1, Math.round(count / DType.BF16.bytes())));
    }

    private void measure(String kind, double megabytes, Runnable exchange) {
      double[] times = clock.runs(bench, BATCH, exchange);
      Map<String, Object> parameters = new LinkedHashMap<>();
      parameters.put("gpus", bench.device() == Device.CPU ? 0 : settings.sharesGpu ? 1 : ranks);
      parameters.put("ranks", ranks);
      parameters.put("exchange", collectives instanceof LocalCollectives ? "copies" : "NCCL");
      parameters.put("collective", kind);
      parameters.put("megabytes", megabytes);
      results.add(Measurement.of("collectives", parameters, "time", "ms", times));
      long sent = sent(kind, megabytes);
      if (sent > 0) {
        results.add(
            Measurement.of(
                "collectives", parameters, "rate", "GB/s", Rates.gigabytes(sent, times)));
      }
    }

    /// Returns the bytes that a rank sends to others in an exchange; 0 where it is about latency.
    private long sent(String kind, double megabytes) {
      double bytes = megabytes * MEGA;
      return switch (kind) {
        case "all-to-all" -> Math.round(bytes * (ranks - 1) / ranks);
        case "all-gather" -> Math.round(bytes * (ranks - 1));
        case "shift" -> ranks == 1 ? 0 : Math.round(bytes);
        default -> 0;
      };
    }
  }
}
