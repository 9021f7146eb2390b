// The C interface of the simulator; crosstwin_sim.rtl.library holds its other side.
//
// Every function that simulates returns 0, AXI's response 2 (SLVERR), or a Halt.
#include "simulator.hpp"

using crosstwin::Halt;
using crosstwin::Simulator;

namespace {

template <typename Action>
int guarded(Action action) {
    try {
        return action();
    } catch (Halt halt) {
        return halt;
    }
}

}  // namespace

extern "C" {

Simulator* crosstwin_create(crosstwin::Shared* shared, crosstwin::Callback callback) { return new Simulator(shared, callback); }

void crosstwin_destroy(Simulator* simulator) { delete simulator; }

int crosstwin_reset(Simulator* simulator) { return simulator->reset<true>(); }

int crosstwin_write(Simulator* simulator, uint32_t address, uint32_t value, uint32_t strobe) {
    return guarded([=] { return simulator->write<true>(address, value, strobe); });
}

int crosstwin_read(Simulator* simulator, uint32_t address) {
    return guarded([=] { return simulator->read<true>(address); });
}

int crosstwin_write_block(Simulator* simulator, uint32_t address, uint32_t words) {
    return guarded([=] {
        int response = 0;
        for (simulator->s.count = 0; simulator->s.count < words; simulator->s.count++) {
            response = simulator->write<true>(address + 4 * simulator->s.count, simulator->s.block[simulator->s.count], 0xF);
            if (response != 0) break;
        }
        return response;
    });
}

int crosstwin_read_block(Simulator* simulator, uint32_t address, uint32_t words) {
    return guarded([=] {
        int response = 0;
        for (simulator->s.count = 0; simulator->s.count < words; simulator->s.count++) {
            response = simulator->read<true>(address + 4 * simulator->s.count);
            if (response != 0) break;
            simulator->s.block[simulator->s.count] = simulator->s.data;
        }
        return response;
    });
}

int crosstwin_wait(Simulator* simulator, uint32_t limit) {
    return guarded([=] { return simulator->wait<true>(limit); });
}

int crosstwin_estop(Simulator* simulator, int level) {
    return guarded([=] {
        simulator->set_estop(level != 0);
        return 0;
    });
}

void crosstwin_stop_in(Simulator* simulator, int64_t cycle) { simulator->arm_stop(cycle); }

void crosstwin_start_tape(Simulator* simulator) { simulator->start_tape(); }

void crosstwin_stop_tape(Simulator* simulator) { simulator->stop_tape(); }

int crosstwin_replay(Simulator* simulator) {
    return guarded([=] {
        simulator->replay();
        return 0;
    });
}

#ifdef CROSSTWIN_TRACE
void crosstwin_trace(Simulator* simulator, const char* path) { simulator->trace(path); }
#endif
}
