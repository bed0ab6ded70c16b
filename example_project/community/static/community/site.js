// What goes wrong without a reload is done once more with one: then the answer of the server is seen, whatever it says.
document.addEventListener("htmx:responseError", (event) => {
  event.target.closest("form")?.submit();
});
