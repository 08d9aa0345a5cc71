package wan4j.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.bench.SeededRanks;
import wan4j.bench.measure.Measurement;
import wan4j.bench.report.ParityRecord;
import wan4j.engine.Job;
import wan4j.tensor.InputException;
import wan4j.verify.Backend;
import wan4j.verify.Comparison;
import wan4j.verify.Verifier;

/// `wan4j verify`: reference cases against this build.
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description =
        "Runs the reference cases below folders and tells how far each result is from the"
            + " reference.")
final class VerifyCommand implements Callable<Integer> {
  @Parameters(arity = "1..*", paramLabel = "DIR", description = "Folders with reference cases.")
  private List<Path> folders;

  @Option(names = "--kind", split = ",", description = "Kinds of cases to run (default: all).")
  private List<String> kinds = List.of();

  @Option(
      names = "--device",
      defaultValue = "cpu",
      description = "cpu, cuda, or cuda:N for the GPU of a number, the first of several.")
  private String device;

  @Mixin private ArithmeticOptions arithmetic;
  @Mixin private ResidualOptions residual;
  @Mixin private MeasurementOptions measurements;

  @Option(
      names = "--attention",
      description =
          "wan4j: wan4j's own attention kernel takes every case that it can (heads of 128, in bf16"
              + " on a GPU), not only those of so many keys that it is faster than cuDNN.")
  private String attention;

  @Option(
      names = "--gpus",
      paramLabel = "N",
      description =
          "Divide the cases of whole forwards, autoencoders and requests among N GPUs, or with"
              + " --device cpu among N ranks on the processors, and networks of as many heads as"
              + " the tasks' against one rank; other cases are left out (default: 1, or the"
              + " processes of a launcher).")
  private Integer gpus;

  @Option(names = "--share_gpu", description = "Let the ranks of --gpus share one GPU.")
  private boolean shareGpu;

  @Spec private CommandSpec spec;

  private int passed;
  private int failed;
  private final Map<String, Integer> skipped = new LinkedHashMap<>();
  private final Map<String, Integer> undivided = new LinkedHashMap<>();

  @Override
  public Integer call() {
    return Launched.work(spec.commandLine(), Ranks.USUAL_TIMEOUT, this::verify);
  }

  private int verify() {
    DeviceName named = DeviceName.of(device);
    Device where = named.device();
    Arithmetic chosen = residual.of(arithmetic.on(where), where);
    Consumer<List<Measurement>> file = measurements.file(where);
    Ranks ranks = ranks(named);
    ParityRecord record = new ParityRecord(where, chosen, attention, ranks.count());
    Consumer<Verifier.Result> told =
        result -> {
          report(result);
          record.add(result);
        };
    if (ranks.isAlone()) {
      alone(where, chosen, told);
    } else {
      together(where, chosen, ranks, told);
    }
    if (!Job.isFirst()) {
      return 0; // the first process tells
    }
    file.accept(record.measurements());
    System.out.printf("%d passed, %d failed%n", passed, failed);
    if (!skipped.isEmpty()) {
      System.out.println("skipped, not supported by this build: " + named(skipped));
    }
    if (!undivided.isEmpty()) {
      System.out.println(
          "left out, not divided among %d ranks: %s".formatted(ranks.count(), named(undivided)));
    }
    return failed == 0 ? 0 : 1;
  }

  private static String named(Map<String, Integer> counts) {
    List<String> named = new ArrayList<>();
    counts.forEach((kind, count) -> named.add(count + " " + kind));
    return String.join(", ", named);
  }

  private Ranks ranks(DeviceName named) {
    Job job = Job.present();
    if (gpus != null && job != null && gpus != job.ranks()) {
      throw new InputException(
          "--gpus got %d, but the launcher has started %d processes; leave it out"
              .formatted(gpus, job.ranks()));
    }
    int count = job != null ? job.ranks() : gpus == null ? 1 : gpus;
    if (shareGpu && (count == 1 || named.device() == Device.CPU)) {
      throw new InputException(
          "--share_gpu was given without several ranks on a GPU; add --device cuda and --gpus, or"
              + " leave it out");
    }
    Ranks ranks = Ranks.of(count).from(named.gpu());
    boolean shares = shareGpu || (job != null && named.gpu() != Ranks.ANY_GPU);
    return shares ? ranks.sharing() : ranks;
  }

  private void alone(Device where, Arithmetic chosen, Consumer<Verifier.Result> told) {
    try (Backend backend = Backend.open(where, chosen)) {
      if (attention != null) {
        backend.preferAttention(attention);
      }
      Verifier.run(folders, Set.copyOf(kinds), backend, told);
    }
  }

  private void together(
      Device where, Arithmetic chosen, Ranks ranks, Consumer<Verifier.Result> told) {
    if (attention != null) {
      throw new InputException(
          "--attention was given for %d ranks; leave it out, or verify it on one"
              .formatted(ranks.count()));
    }
    boolean isSeededAlone = kinds.size() == 1 && kinds.contains(SeededRanks.KIND);
    if (kinds.isEmpty() || kinds.contains(SeededRanks.KIND)) {
      SeededRanks.run(where, chosen, ranks, told);
    }
    if (!isSeededAlone) {
      Set<String> others = new TreeSet<>(kinds);
      others.remove(SeededRanks.KIND);
      Verifier.runOnRanks(folders, others, where, chosen, ranks, told);
    }
  }

  private void report(Verifier.Result result) {
    switch (result) {
      case Verifier.Result.Compared compared -> {
        Comparison worst = compared.worst();
        boolean passes = compared.passes();
        passed += passes ? 1 : 0;
        failed += passes ? 0 : 1;
        System.out.printf(
            Locale.ROOT,
            "%s  %-20s %-38s %.2e of %.1e (%s)%n",
            passes ? "PASS" : "FAIL",
            compared.kind(),
            compared.name(),
            worst.error(),
            worst.tolerance(),
            worst.name());
      }
      case Verifier.Result.Failed failure -> {
        failed++;
        System.out.printf(
            "FAIL  %-20s %-38s %s%n", failure.kind(), failure.name(), failure.reason());
      }
      case Verifier.Result.Skipped skip -> skipped.merge(skip.kind(), 1, Integer::sum);
      case Verifier.Result.Undivided left -> undivided.merge(left.kind(), 1, Integer::sum);
    }
  }
}
