package wan4j.parallel;

import java.time.Duration;
import java.util.List;
import wan4j.cpu.CpuOps;
import wan4j.ops.SequenceGroup;
import wan4j.tensor.Tensor;

/// A process that is one rank of a job, as a launcher's variables say, and adds tensors with the
/// others so many times: `TIMES`; with 0 it computes alone and without end. It prints a line when
/// it has joined and one for the last sum.
final class RankProcess {
  private RankProcess() {}

  /// Joins, adds and finishes; a failure is one sentence and exit code 1.
  public static void main(String[] arguments) {
    int adding = Integer.parseInt(arguments[0]);
    JobEnvironment environment = JobEnvironment.of(System.getenv());
    JobIdentity identity = new JobIdentity("0.1.0", "a sum");
    Rendezvous.Times times = Rendezvous.Times.of(Duration.ofSeconds(60));
    int code = 0;
    try {
      String sum =
          JobMember.work(
              environment,
              identity,
              times,
              new JobMember.Telling(Throwable::getMessage, System.out::println),
              member -> {
                System.out.println("joined");
                return adding > 0 ? sum(member.meeting(), adding) : compute();
              });
      System.out.println(sum);
    } catch (RuntimeException e) {
      System.out.println(e.getMessage());
      code = 1;
    }
    System.exit(code);
  }

  /// Never comes to a meeting.
  private static String compute() {
    double value = 1;
    while (value > 0) {
      value = Math.sin(value) + 2;
    }
    return "never";
  }

  private static String sum(ProcessMeeting meeting, int times) {
    List<Integer> all = meeting.all();
    try (CpuOps ops = new CpuOps();
        SocketCollectives ranks = new SocketCollectives(ops, meeting, all);
        var _ = ops.scope()) {
      float last = 0;
      for (int i = 0; i < times; i++) {
        Tensor values = Tensor.of(new float[] {i, meeting.rank()}, 2);
        ranks.reduce(SequenceGroup.Reduction.SUM, values);
        last = values.toFloats()[1] + values.toFloats()[0];
      }
      return "sum " + last;
    }
  }
}
