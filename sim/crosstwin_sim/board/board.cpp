// The Verilated board design, its serial line driven and watched level by level; crosstwin_sim.board.library is the other side.
#include <cstddef>

#include "ports.hpp"
#ifdef CROSSTWIN_EMULATED
#include "Vcontroller.h"
#include "shared.hpp"
#else
#include "array.hpp"
#endif

namespace crosstwin {

#ifdef CROSSTWIN_EMULATED
// A board whose array is within has no pins to it.
class ArraySide {
public:
    ArraySide(Shared* shared, Callback) : s(*shared), top(&context, "controller") {}

protected:
    template <bool>
    void settle() {
        top.clk = 0;
        top.estop = 0;
        top.eval();
    }

    void edge() {
        top.clk = 1;
        top.eval();
        s.clock++;
    }

    Shared& s;
    VerilatedContext context;
    Vcontroller top;
};
#endif

constexpr uint32_t kByteCycles = 10 * kDivisor;
// Clock cycles without a level on tx after which an answer has ended.
constexpr uint32_t kSilence = 3 * kByteCycles;

class Board : public ArraySide {
public:
    Board(Shared* shared, Callback callback) : ArraySide(shared, callback) {
        top.rx = 1;
        top.rst = 1;
        settle<false>();
        edge();
        top.rst = 0;
    }

    // Sends bytes to the board and gathers what it sends, for at most so many clock cycles after the last byte. It ends early
    // when an answer has come, or when there is no more room for one.
    void run(const uint8_t* in, size_t count, uint64_t patience, uint8_t* out, size_t room, size_t* received) {
        size_t sent = 0;
        *received = 0;
        uint64_t silent = 0;
        for (uint64_t waited = 0; waited < patience && *received < room; silent++) {
            if (!sending && sent < count) {
                shift = static_cast<uint32_t>(in[sent++]) << 1 | 1u << 9;
                sending = kByteCycles;
            }
            if (sending) {
                top.rx = shift >> (kByteCycles - sending) / kDivisor & 1;
                sending--;
            } else {
                waited++;
            }
            settle<true>();
            if (watch_tx(out + *received)) {
                ++*received;
                silent = 0;
            }
            edge();
            if (*received && !sending && sent == count && silent > kSilence && !receiving) return;
        }
    }

private:
    // Returns whether a byte has come.
    bool watch_tx(uint8_t* byte) {
        if (!receiving) {
            if (!top.tx) receiving = 1;
            return false;
        }
        const uint32_t cycle = receiving++;
        if (cycle % kDivisor != kDivisor / 2) return false;
        const uint32_t bit = cycle / kDivisor;
        if (bit >= 1 && bit <= 8) gathered = gathered >> 1 | static_cast<uint8_t>(top.tx ? 0x80 : 0);
        if (bit < 9) return false;
        receiving = 0;
        *byte = gathered;
        return top.tx;
    }

    uint32_t shift = 0, sending = 0, receiving = 0;
    uint8_t gathered = 0;
};

}  // namespace crosstwin

using crosstwin::Board;
using crosstwin::Halt;

extern "C" {

Board* crosstwin_board_create(crosstwin::Shared* shared, crosstwin::Callback callback) { return new Board(shared, callback); }

void crosstwin_board_destroy(Board* board) { delete board; }

int crosstwin_board_run(Board* board, const uint8_t* in, size_t count, uint64_t patience, uint8_t* out, size_t room,
                        size_t* received) {
    try {
        board->run(in, count, patience, out, room, received);
        return 0;
    } catch (Halt halt) {
        return halt;
    }
}
}
