#include "DigitPattern.h"

#include <algorithm>
#include <map>
#include <memory>

namespace {

/// More than any pattern of the metadata needs.
constexpr size_t kNodesMax = 20000, kStatesMax = 8000, kRepeatsMax = 40;

/// What a pattern says, as it is nested.
struct Expression {
    enum Kind { kDigit, kSequence, kChoice, kRepeat } kind;
    uint16_t digits = 0;  // of kDigit: a bit for each that it matches
    std::vector<Expression> parts;
    size_t least = 1, most = 1;  // of kRepeat
};

constexpr size_t kNoBound = SIZE_MAX;
constexpr uint16_t kAnyDigit = 0x3FF;

/// Reads a pattern by recursive descent. Gives up, for good, at the first thing that it does not know.
class Reader {
public:
    explicit Reader(std::string_view pattern) : rest_(pattern) {}

    std::optional<Expression> read() {
        Expression expression = choice();
        if (is_lost_ || !rest_.empty()) return std::nullopt;
        return expression;
    }

private:
    std::string_view rest_;
    bool is_lost_ = false;

    bool take(std::string_view text) {
        if (rest_.substr(0, text.size()) != text) return false;
        rest_.remove_prefix(text.size());
        return true;
    }

    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    std::optional<int> take_digit() {
        if (rest_.empty() || !is_digit(rest_[0])) return std::nullopt;
        int digit = rest_[0] - '0';
        rest_.remove_prefix(1);
        return digit;
    }

    Expression choice() {
        Expression expression{Expression::kChoice};
        do expression.parts.push_back(sequence());
        while (!is_lost_ && take("|"));
        return expression;
    }

    Expression sequence() {
        Expression expression{Expression::kSequence};
        while (!is_lost_ && !rest_.empty() && rest_[0] != '|' && rest_[0] != ')')
            expression.parts.push_back(repeated(atom()));
        return expression;
    }

    Expression atom() {
        if (take("(?:") || (rest_.substr(0, 2) != "(?" && take("("))) {
            Expression inner = choice();
            if (!take(")")) is_lost_ = true;
            return inner;
        }
        Expression expression{Expression::kDigit};
        if (take("\\d")) expression.digits = kAnyDigit;
        else if (take("[")) expression.digits = digit_class();
        else if (auto digit = take_digit()) expression.digits = static_cast<uint16_t>(1 << *digit);
        else is_lost_ = true;
        return expression;
    }

    uint16_t digit_class() {
        uint16_t digits = 0;
        while (!is_lost_ && !take("]")) {
            if (take("\\d")) {
                digits = kAnyDigit;
                continue;
            }
            auto first = take_digit();
            auto last = first && take("-") ? take_digit() : first;
            if (!first || !last || *last < *first) {
                is_lost_ = true;
                break;
            }
            for (int digit = *first; digit <= *last; ++digit) digits |= static_cast<uint16_t>(1 << digit);
        }
        return digits;
    }

    Expression repeated(Expression inner) {
        size_t least = 1, most = 1;
        if (take("?")) least = 0;
        else if (take("*")) least = 0, most = kNoBound;
        else if (take("+")) most = kNoBound;
        else if (take("{")) bounds(least, most);
        else return inner;
        // Lazy and possessive repetitions, and repeated repetitions.
        if (!rest_.empty() && (rest_[0] == '?' || rest_[0] == '+' || rest_[0] == '*' || rest_[0] == '{')) is_lost_ = true;
        Expression expression{Expression::kRepeat};
        expression.least = least;
        expression.most = most;
        expression.parts.push_back(std::move(inner));
        return expression;
    }

    void bounds(size_t &least, size_t &most) {
        auto number = [&]() -> std::optional<size_t> {
            auto digit = take_digit();
            if (!digit) return std::nullopt;
            auto second = take_digit();
            return static_cast<size_t>(second ? *digit * 10 + *second : *digit);
        };
        auto first = number();
        least = most = first.value_or(0);
        if (take(",")) {
            auto second = number();
            most = second.value_or(kNoBound);
        }
        is_lost_ |= !first || !take("}") || most < least || least > kRepeatsMax
            || (most != kNoBound && most > kRepeatsMax);
    }
};

/// A machine that may be in many nodes at once.
class Machine {
public:
    struct Node {
        uint16_t digits = 0;  // read on the way to `next`
        int next = -1;
        std::vector<int> free;  // ways that read nothing
    };

    std::vector<Node> nodes;

    bool is_too_large() const { return nodes.size() > kNodesMax; }

    int add(Node node) {
        nodes.push_back(std::move(node));
        return static_cast<int>(nodes.size()) - 1;
    }

    /// Where to begin in order to read the expression and to be at `end` then.
    int build(const Expression &expression, int end) {
        if (is_too_large()) return end;
        switch (expression.kind) {
        case Expression::kDigit: return add({expression.digits, end, {}});
        case Expression::kSequence:
            for (auto part = expression.parts.rbegin(); part != expression.parts.rend(); ++part) end = build(*part, end);
            return end;
        case Expression::kChoice: {
            std::vector<int> ways;
            for (const Expression &part : expression.parts) ways.push_back(build(part, end));
            return add({0, -1, std::move(ways)});
        }
        case Expression::kRepeat: return repeat(expression, end);
        }
        return end;
    }

private:
    int repeat(const Expression &expression, int end) {
        const Expression &inner = expression.parts[0];
        if (expression.most == kNoBound) {
            int turn = add({0, -1, {end}});
            int again = build(inner, turn);
            nodes[static_cast<size_t>(turn)].free.push_back(again);
            end = turn;
        } else {
            int out = end;
            for (size_t count = expression.least; count < expression.most; ++count) {
                int once = build(inner, end);
                end = add({0, -1, {out, once}});
            }
        }
        for (size_t count = 0; count < expression.least; ++count) end = build(inner, end);
        return end;
    }
};

/// All nodes that can be reached without reading, in order.
std::vector<int> closure(const Machine &machine, std::vector<int> nodes) {
    std::vector<bool> seen(machine.nodes.size());
    std::vector<int> found;
    while (!nodes.empty()) {
        int node = nodes.back();
        nodes.pop_back();
        if (seen[static_cast<size_t>(node)]) continue;
        seen[static_cast<size_t>(node)] = true;
        found.push_back(node);
        for (int next : machine.nodes[static_cast<size_t>(node)].free) nodes.push_back(next);
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

std::optional<DigitPattern> DigitPattern::compile(std::string_view pattern) {
    auto expression = Reader(pattern).read();
    if (!expression) return std::nullopt;
    Machine machine;
    int end = machine.add({});
    int start = machine.build(*expression, end);
    if (machine.is_too_large()) return std::nullopt;

    DigitPattern compiled;
    std::map<std::vector<int>, int16_t> known;
    std::vector<std::vector<int>> waiting;
    auto state_of = [&](std::vector<int> nodes) {
        auto [place, is_new] = known.emplace(std::move(nodes), static_cast<int16_t>(known.size()));
        if (is_new) waiting.push_back(place->first);
        return place->second;
    };
    state_of(closure(machine, {start}));
    for (size_t index = 0; index < waiting.size(); ++index) {
        if (known.size() > kStatesMax) return std::nullopt;
        const std::vector<int> nodes = waiting[index];
        State state;
        state.accepts = std::binary_search(nodes.begin(), nodes.end(), end);
        for (int digit = 0; digit < 10; ++digit) {
            std::vector<int> next;
            for (int node : nodes) {
                const Machine::Node &from = machine.nodes[static_cast<size_t>(node)];
                if (from.digits >> digit & 1) next.push_back(from.next);
            }
            state.next[static_cast<size_t>(digit)] =
                next.empty() ? kNowhere : state_of(closure(machine, std::move(next)));
        }
        compiled.states_.push_back(state);
    }
    return compiled;
}

bool DigitPattern::matches(std::string_view digits) const {
    int16_t state = 0;
    for (char digit : digits) {
        state = states_[static_cast<size_t>(state)].next[static_cast<size_t>(digit - '0')];
        if (state == kNowhere) return false;
    }
    return states_[static_cast<size_t>(state)].accepts;
}

bool DigitPattern::matches_start_of(std::string_view digits) const {
    int16_t state = 0;
    for (char digit : digits) {
        if (states_[static_cast<size_t>(state)].accepts) return true;
        state = states_[static_cast<size_t>(state)].next[static_cast<size_t>(digit - '0')];
        if (state == kNowhere) return false;
    }
    return states_[static_cast<size_t>(state)].accepts;
}
