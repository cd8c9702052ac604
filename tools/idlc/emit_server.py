# SPDX-License-Identifier: MIT
"""Emits the server half for one service: handler prototypes and dispatcher.

The handlers are found by name, so a missing one does not link and a wrong
signature does not compile. The dispatcher is the only place that touches the
payload: it checks the caller, copies the request out, calls the handler with
a zeroed reply and copies the reply in on success.
"""

from emit_header import rules, struct_name, type_code
from output import comment, heading, source_name


def file_base(protocol, service):
    """ds_server, or tmpfs_fs_server if the service is not named like its protocol."""
    return f"{protocol.name}_server" if service == protocol.name else f"{service}_{protocol.name}_server"


def handler_prototype(protocol, operation, state):
    parameters = [f"struct {state} *state", "struct call *call"]
    if operation.request:
        parameters.append(f"const struct {struct_name(protocol, operation, 'request')} *request")
    if operation.reply:
        parameters.append(f"struct {struct_name(protocol, operation, 'reply')} *reply")
    return f"int {protocol.name}_handle_{operation.name}({', '.join(parameters)})"


def server_header(protocol, service, state):
    name = protocol.name
    lines = heading(source_name(protocol.file), [
        f"Server half of protocol {name} for the service {service}.",
        f"The service defines every {name}_handle_*: return 0, a negative error, or CALL_PARKED.",
        "Replies are zeroed before; text in requests is NUL-terminated."])
    lines += ["#pragma once", "", "#include \"sys/stores.h\"", "", f"#include \"{name}.h\"", "", "struct call;", f"struct {state};", "",
              f"/* Handles one message of protocol {name}; -ENOSYS if the operation is unknown. */",
              f"int {name}_dispatch(void *state, struct call *call);  /* state: struct {state} */", ""]
    for operation in protocol.operations:
        lines += comment(operation.doc + [rules(operation)])
        if operation.reply:
            lines.append(f"CALLERS_OWN({4 if operation.request else 3})")
        lines += [handler_prototype(protocol, operation, state) + ";", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def allow_arguments(operation):
    if operation.allow == ["any"]:
        return "CALL_ALLOW_ANY, NULL"
    if operation.allow == ["system"]:
        return "CALL_ALLOW_SYSTEM, NULL"
    return "CALL_ALLOW_LABELS, allowed"


TERMINATED = """/* Handlers treat text as C strings, so a text without an end never reaches them. */
static bool is_terminated(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\0')
            return true;
    }
    return false;
}
"""


def texts(operation):
    return [field for field in operation.request if field.kind == "TEXT"]


def dispatch_one(protocol, operation, state):
    lines = [f"static int dispatch_{operation.name}(struct {state} *state, struct call *call)", "{"]
    if operation.allow not in (["any"], ["system"]):
        labels = ", ".join(f"\"{label}\"" for label in operation.allow)
        lines.append(f"    static const char *const allowed[] = {{ {labels}, NULL }};")
    arguments = ["state", "call"]
    if operation.request:
        lines.append(f"    struct {struct_name(protocol, operation, 'request')} request;")
        arguments.append("&request")
    if operation.reply:
        lines.append(f"    struct {struct_name(protocol, operation, 'reply')} reply = {{0}};")
        lines.append("    int status;")
        arguments.append("&reply")
    if lines[-1] != "{":
        lines.append("")
    lines += [f"    if (!call_is_allowed(call, {allow_arguments(operation)}))", "        return -ECALLDENIED;"]
    if operation.request:
        lines.append(f"    {struct_name(protocol, operation, 'request')}_get(call->request, &request);")
    for field in texts(operation):
        lines += [f"    if (!is_terminated(request.{field.name}, sizeof(request.{field.name})))",
                  "        return -EBADREQUEST;"]
    call = f"{protocol.name}_handle_{operation.name}({', '.join(arguments)})"
    if not operation.reply:
        return lines + [f"    return {call};", "}", ""]
    return lines + [f"    status = {call};", "    if (status == 0)",
                    f"        {struct_name(protocol, operation, 'reply')}_put(call->reply, &reply);",
                    "    return status;", "}", ""]


def default_handler(protocol, operation, state):
    lines = ["/* Optional: a service that has nothing to say here leaves it out. */",
             "__attribute__((weak)) " + handler_prototype(protocol, operation, state), "{"]
    names = ["state", "call"] + ["request"] * bool(operation.request) + ["reply"] * bool(operation.reply)
    return lines + [f"    (void){name};" for name in names] + ["    return %s;" % ("0" if operation.absent == "0" else "-" + operation.absent), "}", ""]


def server_source(protocol, service, state):
    name = protocol.name
    lines = heading(source_name(protocol.file), [f"Server half of protocol {name} for the service {service}: the dispatcher."])
    lines += [f"#include \"{file_base(protocol, service)}.h\"", "", "#include \"errors.h\"", "#include \"sys/call.h\"", ""]
    lines += ["#include <stdbool.h>", "#include <stddef.h>", ""]
    if any(texts(operation) for operation in protocol.operations):
        lines += TERMINATED.split("\n")
    for operation in protocol.operations:
        if operation.optional:
            lines += default_handler(protocol, operation, state)
        lines += dispatch_one(protocol, operation, state)
    lines += [f"int {name}_dispatch(void *state, struct call *call)", "{"]
    if not protocol.operations:
        lines += ["    (void)state;", "    (void)call;", "    return -ENOSYS;", "}"]
        return "\n".join(lines) + "\n"
    lines.append("    switch (call->request->type) {")
    for operation in protocol.operations:
        lines.append(f"    case {type_code(protocol, operation)}:")
        if operation.keyword == "call":
            lines.append(f"        return dispatch_{operation.name}(state, call);")
        else:  # nobody waits for an answer to an event
            lines += [f"        (void)dispatch_{operation.name}(state, call);", "        return -EDONTREPLY;"]
    lines += ["    default:", "        return -ENOSYS;", "    }", "}"]
    return "\n".join(lines) + "\n"
