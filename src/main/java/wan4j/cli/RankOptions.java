package wan4j.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.engine.RankTeam;
import wan4j.tensor.InputException;

/// The flags of videos that several GPUs make together.
final class RankOptions {
  @Option(
      names = "--gpus",
      paramLabel = "N",
      description =
          "GPUs of this machine that make a video together (default: 1, or what --ulysses_size and"
              + " --cfg_parallel need).")
  private Integer gpus;

  @Option(
      names = "--ulysses_size",
      paramLabel = "N",
      description =
          "GPUs that share each forward, which divide the attention heads (default: all, or each"
              + " half of them where they take a branch of guidance).")
  private Integer sequence;

  @Option(
      names = "--cfg_parallel",
      paramLabel = "True|False",
      description =
          "True: each half of the GPUs computes one branch of guidance; False: all share each"
              + " forward (default: True for an even number of them and a guided request).")
  private String guidance;

  @Option(
      names = "--rank_timeout",
      paramLabel = "SECONDS",
      description =
          "How long a GPU is waited for at an exchange before the request ends (default: 60).")
  private Double timeout;

  @Option(
      names = "--overlap_exchange",
      paramLabel = "True|False",
      description =
          "True: GPUs that share a forward exchange some heads while attention of others computes"
              + " (default: False).")
  private String overlap;

  @Option(
      names = "--dit_fsdp",
      arity = "0..1",
      fallbackValue = "True",
      paramLabel = "True|False",
      description =
          "Taken from command lines of the reference; each GPU holds the transformers whole.")
  private String shardedTransformer;

  @Option(
      names = "--t5_fsdp",
      arity = "0..1",
      fallbackValue = "True",
      paramLabel = "True|False",
      description =
          "Taken from command lines of the reference; the first GPU alone holds the text encoder.")
  private String shardedText;

  /// Returns the ranks of the flags on a device, from a GPU on, or [Ranks#ANY_GPU]; `notes` is told
  /// what is done otherwise than they say. Throws `InputException` for wrong values and for flags
  /// that cannot be used there.
  Ranks ranks(Device device, int firstGpu, Consumer<String> notes) {
    RankTeam.requireOneProcess(System.getenv());
    Boolean halves = guidance == null ? null : Flags.isTrue("--cfg_parallel", guidance, true);
    require("--gpus", gpus);
    require("--ulysses_size", sequence);
    int count = count(Boolean.TRUE.equals(halves));
    if (count > 1 && device == Device.CPU) {
      throw new InputException(
          "%s was given, but on the device cpu the processors work together anyway; leave it out, or give --device cuda"
              .formatted(given()));
    }
    Ranks ranks =
        new Ranks(
            count,
            sequence == null ? 0 : sequence,
            halves,
            firstGpu,
            false,
            timeout == null ? Ranks.USUAL_TIMEOUT : limit(),
            isOn("--overlap_exchange", overlap));
    if (ranks.overlapsExchange() && ranks.isAlone()) {
      throw new InputException(
          "--overlap_exchange True was given for one GPU, which exchanges nothing; add --gpus, or"
              + " leave it out");
    }
    noteShards(count, notes);
    return ranks;
  }

  private static void require(String flag, Integer number) {
    if (number != null && number < 1) {
      throw new InputException("%s got %d; give 1 or more".formatted(flag, number));
    }
  }

  private int count(boolean halves) {
    int forward = sequence == null ? 1 : sequence;
    return gpus != null ? gpus : halves ? 2 * forward : forward;
  }

  private String given() {
    return gpus != null
        ? "--gpus " + gpus
        : sequence != null ? "--ulysses_size " + sequence : "--cfg_parallel True";
  }

  private Duration limit() {
    if (!(timeout > 0 && timeout <= 86_400)) {
      throw new InputException(
          "--rank_timeout got %s; give seconds, more than 0 and at most 86400".formatted(timeout));
    }
    return Duration.ofMillis(Math.max(1, Math.round(timeout * 1000)));
  }

  private void noteShards(int count, Consumer<String> notes) {
    List<String> shards = new ArrayList<>();
    if (isOn("--dit_fsdp", shardedTransformer)) {
      shards.add("--dit_fsdp");
    }
    if (isOn("--t5_fsdp", shardedText)) {
      shards.add("--t5_fsdp");
    }
    if (shards.isEmpty()) {
      return;
    }
    String flags = String.join(" and ", shards);
    if (count == 1) {
      throw new InputException(
          "%s was given for one GPU, with nothing to divide weights among; add --gpus, or leave it out"
              .formatted(flags));
    }
    notes.accept(
        "%s: weights are not divided among GPUs; each holds the transformers whole, the first alone the text encoder, and what does not fit beside the rest leaves when it has done its part"
            .formatted(flags));
  }

  private static boolean isOn(String flag, String value) {
    return value != null && Flags.isTrue(flag, value, true);
  }
}
