// The Verilated controller with its bus master, and a tape of the traffic.
//
// All the controller's outputs come from flip-flops, so an answer on the bus is there right after an edge, and the next access
// starts at once.
#pragma once

#include "array.hpp"

namespace crosstwin {

constexpr uint64_t kAnswerLimit = 1000;  // clock cycles in which every bus access must be answered

class Simulator : public ArraySide {
public:
    Simulator(Shared* shared, Callback callback) : ArraySide(shared, callback) {
        top.PORT_BREADY = top.PORT_RREADY = 1;
        reset<false>();
    }

    // The pins of the clock cycle of the reset still count: what they show has happened. The reset is done whatever they show.
    template <bool kLive>
    int reset() {
        top.PORT_AWVALID = top.PORT_WVALID = top.PORT_ARVALID = 0;
        top.rst = 1;
        int result = 0;
        try {
            settle<kLive>();
        } catch (Halt halt) {
            result = halt;
        }
        edge();
        top.rst = 0;
        forget();
        return result;
    }

    template <bool kLive>
    int write(uint32_t address, uint32_t value, uint32_t strobe) {
        if (kLive && taping) tape.accesses.push_back({Tape::kWrite, address, value, strobe});
        top.PORT_AWADDR = address;
        top.PORT_WDATA = value;
        top.PORT_WSTRB = strobe;
        top.PORT_AWVALID = top.PORT_WVALID = 1;
        const uint64_t last = s.clock + kAnswerLimit;
        const uint64_t old_command = s.command, old_estop_at = estop_at;
        while (s.clock < last) {
            settle<kLive>();
            const bool address_taken = top.PORT_AWVALID && top.PORT_AWREADY, data_taken = top.PORT_WVALID && top.PORT_WREADY;
            edge();
            if (address_taken) top.PORT_AWVALID = 0;
            if (data_taken) top.PORT_WVALID = 0;
            if (kLive && (address_taken || data_taken) && !top.PORT_AWVALID && !top.PORT_WVALID &&
                (address & ~3u) == kCommandAddress)
                start_command();
            if (top.PORT_BVALID) {
                if (kLive && top.PORT_BRESP != 0) {
                    s.command = old_command;
                    estop_at = old_estop_at;
                }
                return top.PORT_BRESP;
            }
        }
        throw Halt::kHang;
    }

    // Leaves the word in s.data.
    template <bool kLive>
    int read(uint32_t address) {
        if (kLive && taping) tape.accesses.push_back({Tape::kRead, address, 0, 0});
        top.PORT_ARADDR = address;
        top.PORT_ARVALID = 1;
        const uint64_t last = s.clock + kAnswerLimit;
        while (s.clock < last) {
            settle<kLive>();
            const bool taken = top.PORT_ARVALID && top.PORT_ARREADY;
            edge();
            if (taken) top.PORT_ARVALID = 0;
            if (top.PORT_RVALID) {
                s.data = top.PORT_RDATA;
                if (kLive && taping) tape.accesses.back().value = s.data;
                return top.PORT_RRESP;
            }
        }
        throw Halt::kHang;
    }

    // Reads STATUS in every clock cycle until BUSY is low and a stop that was asked for has come.
    template <bool kLive>
    int wait(uint32_t limit) {
        if (kLive && taping) tape.accesses.push_back({Tape::kWait, 0, limit, 0});
        top.PORT_ARADDR = kStatusAddress;
        top.PORT_ARVALID = 1;
        const uint64_t last = s.clock + limit;
        uint64_t answer = s.clock + kAnswerLimit;
        while (s.clock < answer) {
            settle<kLive>();
            const bool taken = top.PORT_ARREADY;
            edge();
            if (!top.PORT_RVALID) continue;
            answer = s.clock + kAnswerLimit;
            const bool going = top.PORT_RDATA & kStatusBusy || (estop_at != kNever && s.clock <= estop_at + 1);
            if (going && s.clock < last) continue;
            top.PORT_ARVALID = 0;
            if (taken) flush_read<kLive>();
            return going ? kBusy : 0;
        }
        throw Halt::kHang;
    }

    void set_estop(bool level) {
        estop = level;
        settle<true>();
        edge();
    }

    void arm_stop(int64_t cycle) { stop_in = cycle; }

    void start_tape() {
        reset<false>();
        tape = Tape();
        tape.clocks = s.clock;
        taping = true;
    }
    void stop_tape() {
        tape.clocks = s.clock - tape.clocks;
        taping = false;
    }

    // Repeats the tape from reset with nothing but the bus and the converters' answers.
    void replay() {
        reset<false>();
        const uint64_t start = s.clock;
        next_read = 0;
        for (const Tape::Access& access : tape.accesses) {
            if (access.kind == Tape::kWrite) {
                write<false>(access.address, access.value, access.strobe);
            } else if (access.kind == Tape::kWait) {
                wait<false>(access.value);
            } else {
                read<false>(access.address);
                if (s.data != access.value) throw Halt::kReplay;
            }
        }
        if (s.clock - start != tape.clocks) throw Halt::kReplay;
    }

private:
    // Lets the answer to a read of STATUS that is under way go by.
    template <bool kLive>
    void flush_read() {
        const uint64_t last = s.clock + kAnswerLimit;
        do {
            if (s.clock == last) throw Halt::kHang;
            settle<kLive>();
            edge();
        } while (!top.PORT_RVALID);
    }

    // The clock cycle that follows is kCommandLatency cycles before CHECK, which is one before cycle 0.
    void start_command() {
        s.command = s.clock + kCommandLatency + 1;
        estop_at = stop_in ? s.command + *stop_in : kNever;
        stop_in.reset();
    }
};

}  // namespace crosstwin
