# SPDX-License-Identifier: MIT
"""Emits <protocol>_client.h and .c: everything that sends this protocol.

Three kinds of functions: <p>_call_<o> (synchronous, with the retry policy the
IDL declares), <p>_send_<o> (through an outbox, for handlers, which never
block) and <p>_reply_<o> (through an outbox, for servers that parked the call).
"""

from emit_header import rules, struct_name, type_code
from output import comment, heading, source_name

RETRIES = 8


def request_parameter(protocol, operation):
    name = struct_name(protocol, operation, "request")
    return [f"const struct {name} *request"] if operation.request else []


def reply_parameter(protocol, operation, const=""):
    name = struct_name(protocol, operation, "reply")
    return [f"{const}struct {name} *reply"] if operation.reply else []


def call_prototype(protocol, operation):
    parameters = ["endpoint_t server"] + request_parameter(protocol, operation) + reply_parameter(protocol, operation)
    return f"int {protocol.name}_call_{operation.name}({', '.join(parameters)})"


def send_prototype(protocol, operation):
    parameters = ["struct outbox *outbox", "endpoint_t destination"]
    if operation.keyword != "notify":
        parameters.append("uint32_t transaction")
    parameters += request_parameter(protocol, operation)
    return f"void {protocol.name}_send_{operation.name}({', '.join(parameters)})"


def reply_prototype(protocol, operation):
    parameters = ["struct outbox *outbox", "endpoint_t caller", "uint32_t transaction", "int status"]
    parameters += reply_parameter(protocol, operation, "const ")
    return f"void {protocol.name}_reply_{operation.name}({', '.join(parameters)})"


def client_header(protocol):
    lines = heading(source_name(protocol.file), [
        f"Client half of protocol {protocol.name}.",
        f"{protocol.name}_call_* wait for the reply; {protocol.name}_send_* and {protocol.name}_reply_* put a",
        "message into an outbox and return at once. A reply may be NULL if status is not 0."])
    lines += ["#pragma once", "", f"#include \"{protocol.name}.h\"", "", "struct outbox;", ""]
    for operation in protocol.operations:
        lines += comment(operation.doc + [rules(operation)])
        if operation.keyword == "call":
            lines.append(call_prototype(protocol, operation) + ";")
        lines.append(send_prototype(protocol, operation) + ";")
        if operation.keyword == "call":
            lines.append(reply_prototype(protocol, operation) + ";")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


EXCHANGE = """/* One exchange. A server that died and one that came back look the same to the caller. */
static int exchange(endpoint_t server, struct message *message)
{
    int result = ipc_sendrec(server, message);

    if (result == 0)
        result = message->status;
    return result == -EDEADSRCDST ? -ESRVRESTART : result;
}
"""

EXCHANGE_AGAIN = """/* For idempotent calls: the same exchange again if the server was restarted meanwhile. */
static int exchange_again(endpoint_t server, struct message *message)
{
    const struct message request = *message;
    int result = exchange(server, message);

    for (int i = 1; i < SERVER_RESTART_RETRIES && result == -ESRVRESTART; i++) {
        *message = request;
        result = exchange(server, message);
    }
    return result;
}
"""


# The kernel and VM, on which everything stands: a call that failed has changed nothing, and the reason may be one that passes.
EXCHANGE_KERNEL = """/* One exchange. A call that failed has changed nothing, and its words are as they were: the reason may have passed. */
static int exchange(endpoint_t server, struct message *message)
{
    uint32_t type = message->type;
    int result = ipc_sendrec(server, message);

    if (result == 0 && message->status < 0) {
        message->type = type;
        result = ipc_sendrec(server, message);
    }
    return result == 0 ? message->status : result;
}
"""

EXCHANGE_TWICE = """/* A call that failed has changed nothing; the reason may have passed. */
static int exchange_twice(endpoint_t server, struct message *message)
{
    const struct message request = *message;
    int result = exchange(server, message);

    if (result < 0 && result != -ESRVRESTART) {
        *message = request;
        result = exchange(server, message);
    }
    return result;
}
"""


def exchange_name(protocol, operation):
    if protocol.name == "kernel":
        return "exchange"
    if operation.idempotent:
        return "exchange_again"
    return "exchange_twice" if protocol.name == "vm" else "exchange"


def exchange_functions(protocol):
    calls = protocol.calls()
    if protocol.name == "kernel":
        return EXCHANGE_KERNEL.split("\n")
    lines = EXCHANGE.split("\n") if calls else []
    if any(o.idempotent for o in calls):
        again = EXCHANGE_AGAIN
        if protocol.name == "vm":
            again = again.replace("restarted meanwhile. */", "restarted meanwhile, and once more if it fails: the reason may\n * have passed. */")
            again = again.replace("&& result == -ESRVRESTART;", "&& (result == -ESRVRESTART || (result < 0 && i == 1));")
        lines += again.split("\n")
    if any(exchange_name(protocol, o) == "exchange_twice" for o in calls):
        lines += EXCHANGE_TWICE.split("\n")
    return lines


def call_function(protocol, operation):
    lines = [call_prototype(protocol, operation), "{",
             f"    struct message message = { '{' } .type = {type_code(protocol, operation)} { '}' };",
             "    int result;", ""]
    if operation.request:
        lines.append(f"    {struct_name(protocol, operation, 'request')}_put(&message, request);")
    lines.append(f"    result = {exchange_name(protocol, operation)}(server, &message);")
    if operation.reply:
        lines += ["    if (result == 0)",
                  f"        {struct_name(protocol, operation, 'reply')}_get(&message, reply);"]
    return lines + ["    return result;", "}", ""]


def send_function(protocol, operation):
    code = type_code(protocol, operation)
    transaction = "" if operation.keyword == "notify" else ", .transaction = transaction"
    lines = [send_prototype(protocol, operation), "{",
             f"    struct message message = {{ .type = {code}{transaction} }};", ""]
    if operation.request:
        lines.append(f"    {struct_name(protocol, operation, 'request')}_put(&message, request);")
    return lines + ["    outbox_add(outbox, destination, &message);", "}", ""]


def reply_function(protocol, operation):
    code = type_code(protocol, operation)
    lines = [reply_prototype(protocol, operation), "{",
             "    struct message message = {",
             f"        .type = {code} | MESSAGE_REPLY, .status = status, .transaction = transaction", "    };", ""]
    if operation.reply:
        lines += ["    if (status == 0)",
                  f"        {struct_name(protocol, operation, 'reply')}_put(&message, reply);"]
    return lines + ["    outbox_add(outbox, caller, &message);", "}", ""]


def client_source(protocol):
    calls = protocol.calls()
    lines = heading(source_name(protocol.file), [
        f"Client half of protocol {protocol.name}: {protocol.name}_client.h says what each function does."])
    lines += [f"#include \"{protocol.name}_client.h\"", ""]
    if calls:
        lines += ["#include \"errors.h\"", "#include \"sys/ipc.h\""]
    lines += ["#include \"sys/outbox.h\"", ""]
    if any(exchange_name(protocol, o) == "exchange_again" for o in calls):
        lines += [f"enum {{ SERVER_RESTART_RETRIES = {RETRIES} }};", ""]
    lines += exchange_functions(protocol)
    for operation in protocol.operations:
        if operation.keyword == "call":
            lines += call_function(protocol, operation)
        lines += send_function(protocol, operation)
        if operation.keyword == "call":
            lines += reply_function(protocol, operation)
    return "\n".join(lines).rstrip("\n") + "\n"
