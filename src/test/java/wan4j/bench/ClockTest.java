package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.bench.measure.Clock;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.OpTime;
import wan4j.cpu.CpuOps;
import wan4j.ops.Ops;
import wan4j.ops.plan.NullOps;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// Times of a device must not be those of the host that asks it for work.
final class ClockTest {
  private static final Offset<Double> EXACT = within(1e-9);

  /// A device that is not there: the host asks for operations, each of which takes both of them a
  /// while, and the device begins one when it has been asked for it and is done with those before.
  private static final class SimulatedDevice implements Clock {
    private final List<Double> marks = new ArrayList<>();
    private double host;
    private double device;

    void ask(double hostTime, double deviceTime) {
      host += hostTime;
      device = Math.max(device, host) + deviceTime;
    }

    void idle() {
      host = Math.max(host, device);
    }

    @Override
    public long mark() {
      device = Math.max(device, host);
      marks.add(device);
      return marks.size() - 1L;
    }

    @Override
    public double milliseconds(long from, long to) {
      host = Math.max(host, marks.get((int) to));
      return marks.get((int) to) - marks.get((int) from);
    }

    @Override
    public void reset() {
      marks.clear();
    }

    @Override
    public double lead(Runnable work) {
      idle();
      double start = host;
      long from = mark();
      work.run();
      double asked = host - start;
      return DeviceClock.leadOf(asked, milliseconds(from, mark()));
    }

    @Override
    public void ahead(double lead, Runnable work) {
      ask(0, lead);
      work.run();
    }

    @Override
    public void close() {}
  }

  private static final int OPERATIONS = 30;

  private final SimulatedDevice device = new SimulatedDevice();

  private Workbench bench() {
    Workbench.Settings settings =
        new Workbench.Settings(Device.CUDA, Arithmetic.BFLOAT16, Quantization.Recipe.NONE, 1, 4);
    return new Workbench(settings, NullOps.device(DType.BF16, DType.F32), device);
  }

  private Runnable work(double host, double gpu) {
    return () -> {
      for (int i = 0; i < OPERATIONS; i++) {
        device.ask(host / OPERATIONS, gpu / OPERATIONS);
      }
    };
  }

  @Test
  void aTimeIsTheDevicesAlsoWhereTheHostIsSlower() {
    try (Workbench bench = bench()) {
      for (double host : new double[] {0.1, 1, 1.3, 2}) {
        double[][] times = bench.times(work(host, 1.3), work(host, 0.2));
        for (int run = 0; run < 4; run++) {
          assertThat(times[0][run]).as("host %s", host).isCloseTo(1.3, EXACT);
          assertThat(times[1][run]).as("host %s", host).isCloseTo(0.2, EXACT);
        }
      }
    }
  }

  @Test
  void longWorkIsNotRunTwice() {
    assertThat(Clock.DeviceClock.leadOf(1900, 3000)).isZero();
    assertThat(Clock.DeviceClock.leadOf(1, 30)).isZero();
    assertThat(Clock.DeviceClock.leadOf(2, 1.3)).isEqualTo(6);
    assertThat(Clock.DeviceClock.leadOf(150, 190)).isEqualTo(200);
  }

  @Test
  void theHostsPartIsToldApart() {
    try (Workbench bench = bench()) {
      Measurement slow = bench.hostOverhead("x", bench.parameters(), work(2, 1.3));
      double alone = 2 + 1.3 / OPERATIONS; // the last operation follows the host
      assertThat(slow.median()).isCloseTo(100 * (alone - 1.3) / alone, within(0.01));
      Measurement fast = bench.hostOverhead("x", bench.parameters(), work(0.3, 30));
      assertThat(fast.median()).isCloseTo(100 * (0.3 / OPERATIONS) / 30.01, within(0.01));
    }
  }

  @Test
  void theFirstOperationOfAProfileDoesNotBearTheHostsDelay() {
    double each = 0.01;
    Tensor x = Tensor.of(new float[6], 6);
    Workbench.Settings settings =
        Workbench.Settings.of(Device.CUDA, Arithmetic.BFLOAT16, null, 0, 3);
    NullOps shapes = NullOps.device(DType.BF16, DType.F32);
    try (Workbench bench = new Workbench(settings, slowlyAsked(shapes, 0.05, each), device)) {
      Runnable work =
          () -> {
            bench.ops().clear(x);
            bench.ops().add(x, x);
          };
      List<List<OpTime>> passes = bench.rounds(work).profile().passes();
      assertThat(passes).hasSize(3);
      for (List<OpTime> pass : passes) {
        assertThat(pass).extracting(OpTime::name).containsExactly("clear", "add");
        assertThat(pass).allSatisfy(op -> assertThat(op.milliseconds()).isCloseTo(each, EXACT));
      }
    }
  }

  /// Returns a backend whose operations take the host and the device a while.
  private Ops slowlyAsked(Ops ops, double host, double gpu) {
    return (Ops)
        Proxy.newProxyInstance(
            Ops.class.getClassLoader(),
            new Class<?>[] {Ops.class},
            (_, method, arguments) -> {
              device.ask(host, gpu);
              return method.invoke(ops, arguments);
            });
  }

  @Test
  void nothingRunsOnAProcessorBeyondWhatIsMeasured() {
    int[] runs = {0};
    Workbench.Settings settings =
        Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, null, 2, 3);
    try (Workbench bench = new Workbench(settings, new CpuOps())) {
      bench.times(() -> runs[0]++);
      assertThat(runs[0]).isEqualTo(5);
      bench.rounds(() -> runs[0]++); // each round once as a whole and once by operations
      assertThat(runs[0]).isEqualTo(5 + 2 + 2 * 3);
    }
  }
}
