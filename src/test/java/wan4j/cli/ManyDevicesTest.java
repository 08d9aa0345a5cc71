package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.VideoEngine;
import wan4j.tensor.InputException;

/// Many requests on several devices, each of which takes the next one.
final class ManyDevicesTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream said = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);

  private Batch batch(Path list) {
    CommandLine generate = new CommandLine(new GenerateCommand());
    generate.setErr(new PrintWriter(out, true, StandardCharsets.UTF_8));
    generate.parseArgs(
        "--ckpt_dir=" + Terminal.TEXT_TO_VIDEO,
        "--requests=" + list,
        "--save_file=" + folder,
        "--any_size",
        "--size=32*32",
        "--frame_num=1",
        "--sample_steps=1");
    return new Batch(generate, folder, false);
  }

  private Path list() throws IOException {
    return Files.writeString(
        folder.resolve("list.csv"),
        """
        prompt,seed,size,name
        a red ball,1,,one.png
        a red ball,2,33*32,odd.png
        a blue ball,3,,two.png
        a green ball,4,,three.png
        """);
  }

  private Batch.Place place(String name, Supplier<Batch.Maker> opening) {
    return new Batch.Place(new ConsoleReporter(NamedLines.on(out, name), false), opening);
  }

  /// An engine on the processors that makes its first request when another has one too.
  private static final class Processors implements Batch.Maker {
    private final VideoEngine engine =
        VideoEngine.open(new EngineOptions(Terminal.TEXT_TO_VIDEO, Device.CPU, false, false));
    private final CountDownLatch both;

    Processors(CountDownLatch both) {
      this.both = both;
    }

    @Override
    public void make(GenerateCommand one) {
      both.countDown();
      try {
        assertThat(both.await(60, TimeUnit.SECONDS)).as("two requests at a time").isTrue();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      one.make(engine, Reporter.QUIET);
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  @Test
  void devicesMakeRequestsAtATimeAndFailuresAreTold() throws IOException {
    CountDownLatch both = new CountDownLatch(2);
    List<Batch.Place> places = new ArrayList<>();
    for (String name : List.of("cuda:0", "cuda:1")) {
      places.add(place(name, () -> new Processors(both)));
    }
    Path list = list();
    int code =
        batch(list).makeApart(RequestList.read(list), new ConsoleReporter(out, false), places);
    String told = said.toString(StandardCharsets.UTF_8);
    assertThat(code).as(told).isEqualTo(2);
    assertThat(told)
        .containsPattern("cuda:[01]  request 1 of 4: .*one.png")
        .contains("cuda:0  request ", "cuda:1  request ", "wan4j: line 3: ")
        .endsWith("3 of 4 videos made, 1 failed: line 3\n");
    assertThat(Terminal.names(folder))
        .containsExactlyInAnyOrder("list.csv", "one.png", "two.png", "three.png");
  }

  @Test
  void nothingIsBegunWhereADeviceCannotBeOpened() throws IOException {
    Path list = list();
    Batch.Maker working =
        one -> {
          throw new AssertionError("a request was begun");
        };
    List<Batch.Place> places =
        List.of(
            place("cuda:0", () -> working),
            place(
                "cuda:1",
                () -> {
                  throw new InputException("no such GPU");
                }));
    assertThatThrownBy(() -> batch(list).makeApart(RequestList.read(list), Reporter.QUIET, places))
        .isInstanceOf(InputException.class)
        .hasMessage("no such GPU");
    assertThat(said.size()).isZero();
  }

  @Test
  void oneRequestForGpusThatShareNothingIsRefused() {
    Terminal run =
        Terminal.generate(
            Terminal.TEXT_TO_VIDEO,
            folder.resolve("one.mkv"),
            "--gpus",
            "4",
            "--ulysses_size",
            "1");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error()).contains("--gpus 4 with --ulysses_size 1", "--requests");
  }
}
