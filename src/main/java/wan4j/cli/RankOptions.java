package wan4j.cli;

import java.time.Duration;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.Ranks.WeightShards;
import wan4j.engine.Job;
import wan4j.tensor.InputException;

/// The flags of videos that several GPUs make together, those of this machine or those of the
/// processes of a job.
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
          "True: the GPUs divide the transformers' blocks, and each takes copies of the next"
              + " block's parts while one computes; False: each holds them whole (default: True"
              + " where they do not fit otherwise).")
  private String shardedTransformer;

  @Option(
      names = "--t5_fsdp",
      arity = "0..1",
      fallbackValue = "True",
      paramLabel = "True|False",
      description = "The same of the text encoder, which the first GPU alone holds otherwise.")
  private String shardedText;

  /// Returns the ranks of the flags on a device, from a GPU on, or [Ranks#ANY_GPU]. Throws
  /// `InputException` for wrong values and for flags that cannot be used there.
  Ranks ranks(Device device, int firstGpu, boolean textOnCpu) {
    Boolean halves = guidance == null ? null : Flags.isTrue("--cfg_parallel", guidance, true);
    require("--gpus", gpus);
    require("--ulysses_size", sequence);
    Job job = Job.present();
    int count = job == null ? count(Boolean.TRUE.equals(halves)) : countOf(job);
    if (job == null && count > 1 && device == Device.CPU) {
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
            job != null && device == Device.CUDA && firstGpu != Ranks.ANY_GPU,
            timeout(),
            Boolean.TRUE.equals(isOn("--overlap_exchange", overlap)),
            shards(count, textOnCpu));
    if (ranks.overlapsExchange() && ranks.isAlone()) {
      throw new InputException(
          "--overlap_exchange True was given for one GPU, which exchanges nothing; add --gpus, or"
              + " leave it out");
    }
    if (ranks.overlapsExchange() && job != null) {
      throw new InputException(
          "--overlap_exchange True was given to processes of a launcher, which cannot read each"
              + " other's memory; leave it out, or start one process with --gpus");
    }
    return ranks;
  }

  /// Says whether several GPUs are asked for that share nothing, not even the branches of guidance:
  /// each is to make requests of its own.
  boolean areApart() {
    return gpus != null
        && gpus > 1
        && sequence != null
        && sequence == 1
        && !Flags.isTrue("--cfg_parallel", guidance, false);
  }

  /// Throws `InputException` where GPUs that share nothing are asked for one video.
  void requireTogether() {
    if (areApart() && gpus > 2) {
      throw new InputException(
          "--gpus %d with --ulysses_size 1 lets each GPU make videos of its own, but there is one request; give many with --requests, or leave out --ulysses_size"
              .formatted(gpus));
    }
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

  private int countOf(Job job) {
    if (gpus != null && gpus != job.ranks()) {
      throw new InputException(
          "--gpus got %d, but the launcher has started %d processes with a GPU each; leave it out"
              .formatted(gpus, job.ranks()));
    }
    return job.ranks();
  }

  private String given() {
    return gpus != null
        ? "--gpus " + gpus
        : sequence != null ? "--ulysses_size " + sequence : "--cfg_parallel True";
  }

  /// Returns how long a rank is waited for; throws `InputException` for a wrong value.
  Duration timeout() {
    if (timeout == null) {
      return Ranks.USUAL_TIMEOUT;
    }
    if (!(timeout > 0 && timeout <= 86_400)) {
      throw new InputException(
          "--rank_timeout got %s; give seconds, more than 0 and at most 86400".formatted(timeout));
    }
    return Duration.ofMillis(Math.max(1, Math.round(timeout * 1000)));
  }

  private WeightShards shards(int count, boolean textOnCpu) {
    WeightShards wanted =
        new WeightShards(isOn("--dit_fsdp", shardedTransformer), isOn("--t5_fsdp", shardedText));
    boolean dividesText = Boolean.TRUE.equals(wanted.text());
    if (textOnCpu && dividesText) {
      throw new InputException(
          "--t5_fsdp was given with --t5_cpu, which keeps the text encoder off the GPUs; leave one"
              + " of them out");
    }
    if (count == 1 && wanted.isAsked()) {
      throw new InputException(
          "%s was given for one GPU, with nothing to divide weights among; add --gpus, or leave it out"
              .formatted(
                  !dividesText
                      ? "--dit_fsdp"
                      : Boolean.TRUE.equals(wanted.transformers())
                          ? "--dit_fsdp and --t5_fsdp"
                          : "--t5_fsdp"));
    }
    return wanted;
  }

  private static Boolean isOn(String flag, String value) {
    return value == null ? null : Flags.isTrue(flag, value, true);
  }
}
