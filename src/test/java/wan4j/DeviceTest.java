package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import wan4j.cuda.bind.Cuda;
import wan4j.tensor.InputException;

class DeviceTest {
  @Test
  void aGpuThatCanBeUsedIsPreferred() {
    assumeTrue(Cuda.isPresent(), Cuda::absence);
    assertThat(Device.preferred()).isEqualTo(Device.CUDA);
  }

  @Test
  void devicesGoByTheirNames() {
    assertThat(Device.of("cpu")).isEqualTo(Device.CPU);
    assertThat(Device.of("cuda")).isEqualTo(Device.CUDA);
    assertThatThrownBy(() -> Device.of("tpu"))
        .isInstanceOf(InputException.class)
        .hasMessage("device got \"tpu\"; give cpu or cuda");
  }
}
