package wan4j.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.AttentionSettings.Attention;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.ShareOfGroup;
import wan4j.engine.AttentionChoice;
import wan4j.engine.RankLinks;
import wan4j.engine.RankThreads;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.parallel.LocalMeeting;
import wan4j.parallel.Meeting;
import wan4j.parallel.UlyssesGroup;
import wan4j.tensor.Tensor;

/// Self-attention of a 14B transformer that ranks share, between its exchanges: with those before
/// and after it, with those of some heads beside that of others, and without any. A time is the
/// longest of all ranks'.
public final class ExchangedAttention {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int BATCH = 4; // attentions that one run times together
  private static final int HEADS = 40;
  private static final int HEAD_SIZE = 128;
  private static final double SCALE = 1 / Math.sqrt(HEAD_SIZE);

  private final Workbench bench;
  private final Ranks ranks;
  private final Meeting meeting;
  private final int rank;
  private final int tokens;
  private final RankClock clock;
  private final List<Measurement> results = new ArrayList<>();

  private ExchangedAttention(Workbench bench, Ranks ranks, Meeting meeting, int rank, int tokens) {
    this.bench = bench;
    this.ranks = ranks;
    this.meeting = meeting;
    this.rank = rank;
    this.tokens = tokens;
    clock = new RankClock(bench.backend(), meeting, rank);
  }

  /// Measures ranks that share about so many tokens, where their number divides the heads, else
  /// nothing; throws `InputException` when there are too few GPUs.
  public static List<Measurement> run(Workbench.Settings settings, Ranks ranks, int tokens) {
    if (HEADS % ranks.count() != 0) {
      return List.of();
    }
    BenchRanks.require(settings.device(), ranks);
    int whole = Math.max(1, tokens / ranks.count()) * ranks.count();
    LocalMeeting meeting = new LocalMeeting(ranks.count(), LIMIT);
    return RankThreads.together(
        meeting,
        rank -> {
          try (Workbench bench = new Workbench(settings, BenchRanks.open(settings, ranks, rank))) {
            return new ExchangedAttention(bench, ranks, meeting, rank, whole).measureAll();
          }
        });
  }

  private List<Measurement> measureAll() {
    boolean isGpu = bench.settings().device() != Device.CPU;
    Ops ops = bench.backend();
    try (RankLinks before = RankLinks.of(ops, meeting, rank, ranks);
        RankLinks beside = RankLinks.of(ops, meeting, rank, ranks.overlapping(true))) {
      long own = tokens / ranks.count();
      Heads random =
          new Heads(
              bench.random(ops.activation(), 1, own, HEADS, HEAD_SIZE),
              bench.random(ops.activation(), 1, own, HEADS, HEAD_SIZE),
              bench.random(ops.activation(), 1, own, HEADS, HEAD_SIZE));
      for (Attention attention : List.of(Attention.BF16, Attention.INT8)) {
        AttentionFormat format = AttentionChoice.format(attention);
        SequenceGroup alone = new ShareOfGroup(ranks.count(), format);
        measure(attention, "none", random, format, alone);
        if (ranks.isAlone()) {
          continue;
        }
        String way = isGpu && !ranks.sharesGpu() ? "NCCL" : "copies";
        SequenceGroup solo = SequenceGroup.SOLO;
        measure(attention, way, random, format, new UlyssesGroup(before.all(), solo));
        if (isGpu) {
          measure(
              attention,
              "copies beside attention",
              random,
              format,
              new UlyssesGroup(beside.all(), solo));
        }
      }
      var _ =
          meeting.meet(rank, Boolean.class, true); // what is exchanged is there until all are done
    }
    return results;
  }

  private void measure(
      Attention attention,
      String exchange,
      Heads random,
      AttentionFormat format,
      SequenceGroup group) {
    Ops ops = bench.backend();
    try (var _ = ops.scope()) {
      group.share(ops, ops.empty(ops.activation(), tokens, 1)); // which tells it how many there are
      Tensor spare = ops.empty(ops.activation(), random.queries(), (long) HEADS * HEAD_SIZE);
      AttentionInput input = ops.attentionInput(format, HEADS, spare, group);
      ops.writeHeads(random, group, input);
      Runnable work =
          () -> {
            try (var _ = ops.scope()) {
              group.attention(ops, input, SCALE, OperandFormat.Simple.PLAIN);
            }
          };
      double[] times = clock.runs(bench.settings(), BATCH, work);
      Map<String, Object> parameters = new LinkedHashMap<>();
      boolean isCpu = bench.settings().device() == Device.CPU;
      parameters.put("gpus", isCpu ? 0 : ranks.sharesGpu() ? 1 : ranks.count());
      parameters.put("ranks", ranks.count());
      parameters.put("exchange", exchange);
      parameters.put("collective", "self-attention");
      parameters.put("attention", attention.spelling());
      parameters.put("tokens", tokens);
      results.add(Measurement.of("collectives", parameters, "time", "ms", times));
    }
  }
}
