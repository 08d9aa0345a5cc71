package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.LoraFile;
import wan4j.ops.plan.NullOps;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.lora.RandomLora;

/// What is loaded of the demo's networks, counted in bytes.
final class NetworksTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");

  private final NullOps ops = new NullOps();

  @TempDir private Path folder;

  @AfterEach
  void nothingIsLeft() {
    assertThat(ops.liveBytes()).isZero();
  }

  private Networks networks(boolean offloads) {
    return Networks.open(new EngineOptions(DEMO, Device.CPU, offloads, false), _ -> ops);
  }

  private void load(Networks networks) {
    networks.text("a red ball");
    networks.autoencoder();
    networks.experts().get(Expert.HIGH_NOISE);
  }

  @Test
  void whereMemoryIsShortARequestThatFailsLeavesNothingBehind() {
    try (Networks networks = networks(true)) {
      assertThatThrownBy(() ->
              networks.using(() -> {
                load(networks);
                throw new IllegalStateException("the request was broken off");
              }))
          .hasMessage("the request was broken off");
      assertThat(ops.liveBytes()).isZero();
    }
  }

  @Test
  void whereThereIsRoomNetworksStayForTheNextRequest() {
    try (Networks networks = networks(false)) {
      load(networks);
      long all = ops.liveBytes();
      assertThatThrownBy(() ->
              networks.using(() -> {
                throw new IllegalStateException("the request was broken off");
              }))
          .hasMessage("the request was broken off");
      networks.textIsDone();
      networks.autoencoderIsDone();
      networks.expertsAreDone();
      assertThat(ops.liveBytes()).isEqualTo(all).isPositive();
    }
  }

  @Test
  void filesBesideTheWeightsLeaveBeforeThoseOfTheNextRequestCome() {
    Path file;
    try (Checkpoint checkpoint = Checkpoint.open(DEMO)) {
      file =
          RandomLora.write(
              folder.resolve("lora.safetensors"), checkpoint.transformer(Expert.HIGH_NOISE), 4, 1);
    }
    try (Networks networks = networks(false)) {
      load(networks);
      long without = ops.liveBytes();
      networks.choose(List.of(new LoraFile(file, 1, LoraFile.Target.ALL)));
      networks.adapt();
      assertThat(ops.liveBytes()).isGreaterThan(without);
      networks.choose(List.of());
      assertThat(ops.liveBytes()).isEqualTo(without);
    }
  }
}
